variable "name" {
  description = "Prefix of every resource's name, e.g. etl-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}[a-z0-9]$", var.name))
    error_message = "name: 3 to 21 lower-case letters, digits and hyphens, beginning with a letter, such as \"etl-prod\"."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "account_id" {
  description = "The AWS account's number: part of bucket names and of the conditions that keep other accounts out."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: the twelve digits of the account, as text."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the domain, its password and its snapshots; null encrypts with keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}

variable "vpc_id" {
  description = "VPC of the security group."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets, private ones where there are any, each in a zone of its own."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids: give at least one subnet; a domain of several zones takes one of each."
  }
}

variable "client_security_group_ids" {
  description = "Security groups whose members may talk to the domain, by logical name: the indexer's, the console's."
  type        = map(string)
  default     = {}
}

variable "engine_version" {
  description = "OpenSearch_<major>.<minor>, of 2.11 or newer."
  type        = string
  default     = "OpenSearch_2.19"

  validation {
    condition     = can(regex("^OpenSearch_(2\\.(1[1-9]|[2-9][0-9])|[3-9]\\.[0-9]+)$", var.engine_version))
    error_message = "engine_version: OpenSearch_2.11 or newer, such as OpenSearch_2.19."
  }
}

variable "nodes" {
  description = "Data nodes: `type`, `count` (a multiple of `zones`), `zones` 1 to 3, and of the gp3 volume of each `volume_gib`, `iops`, `throughput_mib`: left out, what comes with the size."
  type = object({
    type           = optional(string, "t3.small.search")
    count          = optional(number, 1)
    zones          = optional(number, 1)
    volume_gib     = optional(number, 20)
    iops           = optional(number)
    throughput_mib = optional(number)
  })
  default = {}

  validation {
    condition     = can(regex("\\.search$", var.nodes.type))
    error_message = "nodes.type: an OpenSearch instance type, which ends in .search, such as r7g.large.search."
  }

  validation {
    condition     = contains([1, 2, 3], var.nodes.zones) && var.nodes.count >= var.nodes.zones && var.nodes.count % var.nodes.zones == 0
    error_message = "nodes: zones is 1, 2 or 3, and count a multiple of zones, or copies of an index share a zone."
  }

  validation {
    condition     = var.nodes.zones <= length(var.subnet_ids)
    error_message = "nodes.zones: give as many subnet_ids as zones, each in a zone of its own."
  }

  validation {
    condition     = var.nodes.volume_gib >= 10 && var.nodes.volume_gib <= 24576
    error_message = "nodes.volume_gib: 10 to 24576; the most for a type is in AWS's \"EBS volume size quotas\"."
  }

  validation {
    # https://github.com/hashicorp/terraform-provider-aws/issues/39136: AWS takes less than that, and never gets ready.
    condition     = try(var.nodes.iops >= max(3000, 3 * var.nodes.volume_gib), var.nodes.iops == null) && try(var.nodes.throughput_mib >= (var.nodes.volume_gib <= 170 ? 125 : 250 * ceil(var.nodes.volume_gib / 3000)), var.nodes.throughput_mib == null)
    error_message = "nodes: gp3 has at least 3000 iops, and 3 a GiB, and throughput_mib of 125 up to 170 GiB, then 250 for each 3000 GiB begun; leave them out for these."
  }
}

variable "masters" {
  description = "Dedicated masters: `type` and `count`, 3 or 5; null: the data nodes do it."
  type        = object({ type = string, count = optional(number, 3) })
  default     = null

  validation {
    condition     = var.masters == null || try(contains([3, 5], var.masters.count), false)
    error_message = "masters.count: 3 or 5; an even number can split, one alone is no quorum."
  }
}

variable "master_user_name" {
  description = "Name of the first user. Its password is made by Secrets Manager and kept there."
  type        = string
  default     = "etl"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{1,31}$", var.master_user_name))
    error_message = "master_user_name: 2 to 32 lower-case letters, digits and underscores."
  }
}

variable "audit_logs" {
  description = "Publish audit logs. They are written once the security plugin's own audit switch is on."
  type        = bool
  default     = true
}

variable "snapshot_retention_days" {
  description = "Days that objects of deleted snapshots stay restorable in the snapshot bucket."
  type        = number
  default     = 14

  validation {
    condition     = var.snapshot_retention_days >= 1
    error_message = "snapshot_retention_days: 1 or more."
  }
}

variable "create_service_linked_role" {
  description = "Make the service-linked role that lets OpenSearch into a VPC; false where the account has it already."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Keep snapshots at a destroy, and the password restorable for 30 days. Switch it off for trials."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that log groups keep their lines."
  type        = number
  default     = 365

  validation {
    condition = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch Logs takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key of the log groups; null encrypts with CloudWatch Logs' own key."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.log_kms_key_arn))
    error_message = "log_kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}

variable "job" {
  description = <<-EOT
    The task that sets the domain up, from the indexer's `image` (`repository_arn` where that lies in ECR). Writers are
    `indexer_role_arns`, `reader_roles` (ARNs, or groups of SAML) search and see dashboards, `snapshot_role_arns` take and
    restore snapshots. `environment` has further settings, such as SEARCH_RETENTION. It reaches `cidr_blocks` and
    `prefix_list_ids` by HTTPS. null: no task.
  EOT
  type = object({
    image              = string
    repository_arn     = optional(string)
    architecture       = optional(string, "ARM64")
    indexer_role_arns  = list(string)
    reader_roles       = optional(list(string), [])
    snapshot_role_arns = optional(list(string), [])
    environment        = optional(map(string), {})
    cidr_blocks        = list(string)
    prefix_list_ids    = optional(map(string), {})
  })
  default = null

  validation {
    condition     = var.job == null || try(contains(["ARM64", "X86_64"], var.job.architecture), false)
    error_message = "job.architecture: ARM64 or X86_64, as the image was built."
  }

  validation {
    condition     = var.job == null || try(alltrue([for arn in concat(var.job.indexer_role_arns, var.job.snapshot_role_arns) : can(regex("^arn:[^:*]+:iam::[0-9]{12}:role/[^*]+$", arn))]), false)
    error_message = "job: indexer_role_arns and snapshot_role_arns are ARNs of roles, without wildcards."
  }
}
