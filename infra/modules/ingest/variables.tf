variable "name" {
  type        = string
  description = "Prefix of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 24 lower-case letters, digits and dashes, a letter first: a load balancer's name has 32 characters at most, and -ingest is added."
  }
}

variable "account_id" {
  type        = string
  description = "AWS account; makes the bucket of access logs unique."
}

variable "vpc_id" {
  type        = string
  description = "VPC of the load balancer."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Public subnets in two zones at least."

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be two at least, in different zones: AWS makes no load balancer in one zone."
  }
}

variable "container_port" {
  type        = number
  default     = 8080
  description = "Port that ingest-api serves, as INGEST_PORT says."
}

variable "paths" {
  type        = list(string)
  default     = ["/v1/*"]
  description = "Paths that reach ingest-api; all others are answered 404 by the load balancer, probes and metrics among them. Add /docs and /openapi.json to publish the documentation."

  validation {
    condition     = length(var.paths) >= 1 && length(var.paths) <= 5 && !contains(var.paths, "/*") && !contains(var.paths, "/metrics")
    error_message = "paths must be one to five, as a rule of the load balancer takes, and neither /* nor /metrics: metrics are not for strangers."
  }
}

variable "tls" {
  type = object({
    certificate_arn = optional(string)
    domain_name     = optional(string)
    zone_id         = optional(string)
    policy          = optional(string, "ELBSecurityPolicy-TLS13-1-2-Res-2021-06")
  })
  default     = {}
  description = "HTTPS: an ACM certificate's ARN, or a domain name with its Route 53 zone, for which a certificate is made and a record that points here. Both: the certificate that is given, and the record. None: plain_http_cidr_blocks must say who may connect unencrypted."

  validation {
    condition     = (var.tls.domain_name == null) == (var.tls.zone_id == null)
    error_message = "tls.domain_name and tls.zone_id belong together: the zone is where the certificate is proven and the record is put."
  }

  validation {
    condition     = startswith(var.tls.policy, "ELBSecurityPolicy-TLS13-1-2") || startswith(var.tls.policy, "ELBSecurityPolicy-TLS13-1-3")
    error_message = "tls.policy must be one of TLS 1.2 or later, such as ELBSecurityPolicy-TLS13-1-2-Res-2021-06."
  }
}

variable "plain_http_cidr_blocks" {
  type        = list(string)
  default     = []
  description = "Addresses that may connect without TLS, for trials; only where tls names no certificate. Keys and events then travel in the clear."

  validation {
    condition     = alltrue([for block in var.plain_http_cidr_blocks : can(cidrnetmask(block)) && try(tonumber(split("/", block)[1]) >= 8, false)])
    error_message = "plain_http_cidr_blocks must be IPv4 blocks of /8 or smaller, such as your own 203.0.113.7/32: not the whole internet, which must use TLS."
  }

  validation {
    condition     = local.has_tls != (length(var.plain_http_cidr_blocks) > 0)
    error_message = "Either tls names a certificate or a domain, or plain_http_cidr_blocks who may connect without: set one of the two."
  }
}

variable "allowed_cidr_blocks" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  description = "Addresses that may connect by HTTPS; senders still need a key."

  validation {
    condition     = length(var.allowed_cidr_blocks) > 0 && alltrue([for block in var.allowed_cidr_blocks : can(cidrnetmask(block))])
    error_message = "allowed_cidr_blocks must be IPv4 blocks such as 203.0.113.0/24, one at least."
  }
}

variable "mtls" {
  type = object({
    ca_bundle_bucket         = string
    ca_bundle_key            = string
    ca_bundle_object_version = optional(string)
  })
  default     = null
  description = "Senders show a certificate that an authority of this PEM bundle in S3 has signed; null asks for none."

  validation {
    condition     = var.mtls == null || local.has_tls
    error_message = "mtls needs tls: set tls.certificate_arn, or tls.domain_name with tls.zone_id."
  }
}

variable "waf" {
  type = object({
    enabled             = optional(bool, false)
    requests_per_minute = optional(number, 6000)
    log_retention_days  = optional(number, 30)
  })
  default     = {}
  description = "Web application firewall: AWS's managed rules, and a limit a minute for each address. Rules on bodies only count: an event may well quote an attack."

  validation {
    condition     = !var.waf.enabled || (var.waf.requests_per_minute >= 10 && var.waf.requests_per_minute <= 2000000000)
    error_message = "waf.requests_per_minute must be from 10 to 2,000,000,000, as AWS WAF counts."
  }
}

variable "access_logs" {
  type = object({
    enabled        = optional(bool, true)
    retention_days = optional(number, 90)
    deletable      = optional(bool, false)
  })
  default     = {}
  description = "A line for each request, in a bucket of its own; deletable lets destroy delete the bucket with what it holds."

  validation {
    condition     = !var.access_logs.enabled || var.access_logs.retention_days >= 1
    error_message = "access_logs.retention_days must be 1 at least."
  }
}

variable "idle_timeout_seconds" {
  type        = number
  default     = 60
  description = "How long a silent connection is kept. INGEST_IDLE_SECONDS must be more, or requests would meet connections that just close."

  validation {
    condition     = var.idle_timeout_seconds >= 1 && var.idle_timeout_seconds <= 4000
    error_message = "idle_timeout_seconds must be from 1 to 4000."
  }
}

variable "deletion_protection" {
  type        = bool
  default     = true
  description = "Refuse to delete the load balancer: its name is where senders send to."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "Key of the firewall's log group; null leaves CloudWatch's own encryption. Access logs can be encrypted by S3's own keys alone."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}
