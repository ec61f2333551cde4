variable "name" {
  description = "Prefix of every resource's name, e.g. etl-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,29}[a-z0-9]$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, beginning with a letter, such as \"etl-prod\"."
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

variable "runtime" {
  description = "Flink's version."
  type        = string
  default     = "FLINK-1_20"

  validation {
    condition     = contains(["FLINK-1_18", "FLINK-1_19", "FLINK-1_20", "FLINK-2_2"], var.runtime)
    error_message = "runtime: FLINK-1_18, FLINK-1_19, FLINK-1_20, or FLINK-2_2 with a provider that knows it."
  }
}

variable "code" {
  description = "The application's package (zip or jar): `bucket_arn`, `key`, and of a versioned bucket the `object_version`. `kms_key_arn` where it is encrypted by a key of its own."
  type = object({
    bucket_arn     = string
    key            = string
    object_version = optional(string)
    kms_key_arn    = optional(string)
  })

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::[^/]+$", var.code.bucket_arn)) && can(regex("\\.(zip|jar)$", var.code.key))
    error_message = "code: bucket_arn is arn:aws:s3:::NAME, and key ends in .zip or .jar."
  }
}

variable "properties" {
  description = "Property groups by id, as the application reads them from application_properties.json."
  type        = map(map(string))
  default     = {}

  validation {
    condition     = length(var.properties) <= 50
    error_message = "properties: at most 50 groups."
  }
}

variable "access" {
  description = "ARNs of what the application may use; it may do nothing else."
  type = object({
    read_streams     = optional(list(string), [])
    read_consumers   = optional(list(string), [])
    write_streams    = optional(list(string), [])
    delivery_streams = optional(list(string), [])
    keys             = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = alltrue([for arn in flatten(values(var.access)) : can(regex("^arn:[^*]+$", arn))])
    error_message = "access: give full ARNs, without wildcards."
  }
}

variable "consumer_prefix" {
  description = "How the names begin of the enhanced fan-out consumers that the application registers on `read_streams` itself; null: it registers none."
  type        = string
  default     = "streaming-etl-flink"

  validation {
    condition     = var.consumer_prefix == null || can(regex("^[a-zA-Z0-9_.-]{3,100}$", var.consumer_prefix))
    error_message = "consumer_prefix: 3 to 100 letters, digits, dots, hyphens and underscores, or null."
  }
}

variable "scaling" {
  description = "`parallelism`, of which one subtask reads each shard: at least as many as the streams have shards, raised with them; and `per_kpu`, the subtasks of a KPU (1 vCPU, 4 GB)."
  type = object({
    parallelism = optional(number, 1)
    per_kpu     = optional(number, 1)
  })
  default = {}

  validation {
    condition     = var.scaling.per_kpu >= 1 && var.scaling.per_kpu <= 8
    error_message = "scaling.per_kpu: 1 to 8."
  }

  validation {
    condition     = var.scaling.parallelism >= 1 && ceil(var.scaling.parallelism / var.scaling.per_kpu) <= 64
    error_message = "scaling.parallelism: at least 1, and parallelism / per_kpu at most 64 KPUs unless AWS has raised the account's quota."
  }
}

variable "checkpoint_seconds" {
  description = "Time between checkpoints; what was read since is read again after a failure."
  type        = number
  default     = 60

  validation {
    condition     = var.checkpoint_seconds >= 5 && var.checkpoint_seconds <= 3600
    error_message = "checkpoint_seconds: 5 to 3600."
  }
}

variable "log_level" {
  description = "Least severe log line to write."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "log_level: DEBUG, INFO, WARN or ERROR."
  }
}

variable "vpc" {
  description = "Where it runs: `vpc_id` and `subnet_ids` with endpoints for Kinesis; null: outside of any VPC, reaching AWS's public endpoints by TLS."
  type        = object({ vpc_id = string, subnet_ids = list(string) })
  default     = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) >= 1, false)
    error_message = "vpc.subnet_ids: at least one."
  }
}

variable "start" {
  description = "Start the application once it is made."
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
  description = "ARN of the KMS key of the log group; null encrypts with CloudWatch Logs' own key."
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
