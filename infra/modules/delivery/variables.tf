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

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts what Firehose holds and the objects; null encrypts with keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}

variable "bucket_arn" {
  description = "ARN of the archive bucket."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::.+$", var.bucket_arn))
    error_message = "bucket_arn: the ARN of a bucket, arn:aws:s3:::NAME."
  }
}

variable "glue_database" {
  description = "Glue database of the tables that give Parquet its columns; null where every stream is \"json\"."
  type        = string
  default     = null
}

variable "delivery_streams" {
  description = <<-EOT
    Delivery streams by logical name; one is called `<name>-<logical name>`. `format` "parquet" takes its columns from
    `glue_table`; "json" writes gzipped lines as they came. `partition_by` maps partition keys to jq expressions over a
    record (dynamic partitioning, which AWS bills), as {event_type = ".type"}. `buffer_mib` and `buffer_seconds` close an
    object, whichever is first. `transform_lambda_arn` is a function that sees every batch first. `keep_source` keeps
    every record as it came under source/ too.
  EOT
  type = map(object({
    prefix               = optional(string)
    format               = optional(string, "parquet")
    glue_table           = optional(string)
    partition_by         = optional(map(string), {})
    buffer_mib           = optional(number, 64)
    buffer_seconds       = optional(number, 300)
    transform_lambda_arn = optional(string)
    keep_source          = optional(bool, false)
  }))

  validation {
    condition     = alltrue([for name in keys(var.delivery_streams) : can(regex("^[a-z][a-z0-9-]{0,31}$", name))])
    error_message = "delivery_streams: names of lower-case letters, digits and hyphens, such as dead-letters."
  }

  validation {
    condition     = alltrue([for s in var.delivery_streams : contains(["parquet", "json"], s.format)])
    error_message = "delivery_streams: format is \"parquet\" or \"json\"."
  }

  validation {
    condition     = alltrue([for s in var.delivery_streams : (s.format == "parquet") == (s.glue_table != null)])
    error_message = "delivery_streams: a \"parquet\" stream names its glue_table, a \"json\" stream has none."
  }

  validation {
    condition     = alltrue([for s in var.delivery_streams : s.buffer_mib >= 1 && s.buffer_mib <= 128 && s.buffer_seconds >= 0 && s.buffer_seconds <= 900])
    error_message = "delivery_streams: buffer_mib is 1 to 128, buffer_seconds 0 to 900."
  }

  validation {
    condition     = alltrue([for s in var.delivery_streams : s.buffer_mib >= 64 || (s.format == "json" && length(s.partition_by) == 0)])
    error_message = "delivery_streams: Firehose asks for buffer_mib of 64 or more where it converts to Parquet or partitions dynamically; raise buffer_mib, and lower buffer_seconds for fresher data."
  }

  validation {
    condition     = alltrue([for s in var.delivery_streams : s.buffer_seconds >= 60 || length(s.partition_by) == 0])
    error_message = "delivery_streams: dynamic partitioning asks for buffer_seconds of 60 or more."
  }

  validation {
    condition     = alltrue(flatten([for s in var.delivery_streams : [for key, query in s.partition_by : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", key)) && query != ""]]))
    error_message = "delivery_streams: partition_by maps a name to a jq expression, as {event_type = \".type\"}."
  }

  validation {
    condition     = alltrue([for s in var.delivery_streams : s.prefix == null || try(endswith(s.prefix, "/"), false)])
    error_message = "delivery_streams: a prefix ends in a slash, such as enriched/."
  }
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
  description = "KMS key of the log group; null encrypts with CloudWatch Logs' own key."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
