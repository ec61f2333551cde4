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

variable "kms_key_arn" {
  description = "KMS key of the ledger and of the function's environment."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias."
  }
}

variable "log_kms_key_arn" {
  description = "KMS key of the log, whose policy lets CloudWatch Logs use it; null leaves CloudWatch's own encryption."
  type        = string
  default     = null
}

variable "streams" {
  description = <<-EOT
    The streams to keep in step, by logical name: provisioned ones whose number of shards Terraform leaves alone (mode
    "autoscaled" of module stream). `min_shards` and `max_shards` bound them; `consumers` are the names of their enhanced
    fan-out consumers, whose lag keeps shards from being merged.
  EOT
  type = map(object({
    arn        = string
    name       = string
    min_shards = number
    max_shards = number
    consumers  = optional(list(string), [])
  }))

  validation {
    condition     = length(var.streams) > 0
    error_message = "streams: name at least one, or leave the module out."
  }

  validation {
    condition = alltrue([
      for stream in var.streams : stream.min_shards >= 1 && stream.min_shards <= stream.max_shards && stream.max_shards <= 10000
    ])
    error_message = "streams: set 1 <= min_shards <= max_shards <= 10000 (UpdateShardCount goes no further); the account's shard quota may be lower."
  }

  validation {
    condition     = alltrue([for stream in var.streams : floor(stream.min_shards) == stream.min_shards && floor(stream.max_shards) == stream.max_shards])
    error_message = "streams: min_shards and max_shards are whole numbers."
  }
}

variable "package_path" {
  description = "The function's zip, as `python functions/package` makes it."
  type        = string

  validation {
    condition     = endswith(var.package_path, ".zip")
    error_message = "package_path: a .zip file; `python functions/package` makes dist/functions/reshard.zip."
  }
}

variable "dry_run" {
  description = "Only say what would be done, in the log and the metrics."
  type        = bool
  default     = false
}

variable "schedule_minutes" {
  description = "Minutes between two runs."
  type        = number
  default     = 5

  validation {
    condition     = var.schedule_minutes >= 2 && var.schedule_minutes <= 60 && floor(var.schedule_minutes) == var.schedule_minutes
    error_message = "schedule_minutes: 2 to 60; metrics come a minute apart, and two of them must be busy before a stream grows."
  }
}

variable "reserve_concurrency" {
  description = "Keep one of the account's concurrent executions for it, and give it no more. A new account has ten, and AWS lets none of the last ten be reserved: then false."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that the function's log is kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: one of CloudWatch's steps, such as 7, 14, 30, 90 or 365."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics told of the function's alarms."
  type        = list(string)
  default     = []
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
