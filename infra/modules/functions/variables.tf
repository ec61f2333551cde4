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
  description = "ARN of the KMS key that encrypts environment variables and failed batches; null encrypts with keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}

variable "functions" {
  description = <<-EOT
    Functions by logical name; one is called `<name>-<logical name>`. The code is a file (`package_path`, made before) or
    an object (`package`). `stream` has Lambda read a stream: by `consumer_arn` (enhanced fan-out, a consumer of its own)
    or by polling `stream_arn`; what fails `max_attempts` times goes to the function's queue, and the rest of the batch
    goes on (ReportBatchItemFailures). `firehose` marks a function that Firehose calls to transform records. `access` is
    all that it may use.
  EOT
  type = map(object({
    package_path         = optional(string)
    package              = optional(object({ bucket = string, key = string, object_version = optional(string) }))
    handler              = string
    runtime              = optional(string, "python3.12")
    architecture         = optional(string, "arm64")
    memory_mib           = optional(number, 256)
    timeout_seconds      = optional(number, 60)
    reserved_concurrency = optional(number, -1)
    environment          = optional(map(string), {})
    firehose             = optional(bool, false)
    stream = optional(object({
      stream_arn             = string
      consumer_arn           = optional(string)
      starting_position      = optional(string, "TRIM_HORIZON")
      batch_size             = optional(number, 500)
      batch_window_seconds   = optional(number, 1)
      parallel_per_shard     = optional(number, 1)
      max_attempts           = optional(number, 5)
      max_record_age_seconds = optional(number, 86400)
      filters                = optional(list(string), [])
    }))
    access = optional(object({
      write_streams    = optional(list(string), [])
      delivery_streams = optional(list(string), [])
      tables           = optional(list(string), [])
      buckets_read     = optional(list(string), [])
      buckets_write    = optional(list(string), [])
      topics           = optional(list(string), [])
      secrets          = optional(list(string), [])
      keys             = optional(list(string), [])
    }), {})
  }))

  validation {
    condition     = alltrue([for name in keys(var.functions) : can(regex("^[a-z][a-z0-9-]{0,30}$", name))])
    error_message = "functions: names of lower-case letters, digits and hyphens, such as transform."
  }

  validation {
    condition     = alltrue([for f in var.functions : (f.package_path == null) != (f.package == null)])
    error_message = "functions: give package_path (a zip on this machine) or package (an object in S3), one of the two."
  }

  validation {
    condition     = alltrue([for f in var.functions : contains(["arm64", "x86_64"], f.architecture)])
    error_message = "functions: architecture is \"arm64\" or \"x86_64\"."
  }

  validation {
    condition     = alltrue([for f in var.functions : f.memory_mib >= 128 && f.memory_mib <= 10240 && f.timeout_seconds >= 1 && f.timeout_seconds <= 900])
    error_message = "functions: memory_mib is 128 to 10240, timeout_seconds 1 to 900."
  }

  validation {
    condition     = alltrue([for f in var.functions : !f.firehose || f.timeout_seconds <= 300])
    error_message = "functions: Firehose waits five minutes for a function; lower timeout_seconds to 300."
  }

  validation {
    condition     = alltrue([for f in var.functions : try(f.stream.batch_size >= 1 && f.stream.batch_size <= 10000 && f.stream.batch_window_seconds >= 0 && f.stream.batch_window_seconds <= 300, f.stream == null)])
    error_message = "functions: a stream's batch_size is 1 to 10000, batch_window_seconds 0 to 300."
  }

  validation {
    condition     = alltrue([for f in var.functions : try(f.stream.parallel_per_shard >= 1 && f.stream.parallel_per_shard <= 10, f.stream == null)])
    error_message = "functions: a stream's parallel_per_shard is 1 to 10; above 1, order is kept by partition key alone."
  }

  validation {
    condition     = alltrue([for f in var.functions : try(contains(["TRIM_HORIZON", "LATEST"], f.stream.starting_position), f.stream == null)])
    error_message = "functions: starting_position is \"TRIM_HORIZON\" or \"LATEST\"."
  }

  validation {
    condition     = alltrue([for f in var.functions : try(f.stream.max_attempts >= 0 && f.stream.max_attempts <= 10000 && f.stream.max_record_age_seconds >= 60 && f.stream.max_record_age_seconds <= 604800, f.stream == null)])
    error_message = "functions: a stream's max_attempts is 0 to 10000 and max_record_age_seconds 60 to 604800, so that a record that always fails cannot hold up its shard for ever."
  }
}

variable "vpc" {
  description = "VPC that the functions run in: `subnet_ids` and `security_group_ids`; null: none."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "code_signing_config_arn" {
  description = "Code signing configuration that packages must satisfy; null: none."
  type        = string
  default     = null
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
