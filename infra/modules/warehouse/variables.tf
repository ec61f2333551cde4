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
  description = "ARN of the KMS key that encrypts the warehouse; null encrypts with AWS's own key."
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
    condition     = length(var.subnet_ids) >= 3
    error_message = "subnet_ids: Redshift Serverless asks for three subnets in three zones (two where base_capacity is below 32, in some regions); add one."
  }
}

variable "client_security_group_ids" {
  description = "Security groups whose members may connect with SQL clients, by logical name. The scheduled load needs none."
  type        = map(string)
  default     = {}
}

variable "bucket_arn" {
  description = "ARN of the archive bucket to load from."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::.+$", var.bucket_arn))
    error_message = "bucket_arn: the ARN of a bucket, arn:aws:s3:::NAME."
  }
}

variable "bucket_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the archive; null where it has none of its own."
  type        = string
  default     = null
}

variable "prefixes" {
  description = "Prefix of the Parquet of each table that is loaded: \"enriched\", \"aggregates\". Under it one folder an hour, yyyy/MM/dd/HH/."
  type        = map(string)
  default     = { enriched = "enriched/", aggregates = "aggregates/" }

  validation {
    condition     = length(var.prefixes) > 0 && length(setsubtract(keys(var.prefixes), ["enriched", "aggregates"])) == 0
    error_message = "prefixes: \"enriched\", \"aggregates\" or both."
  }

  validation {
    condition     = alltrue([for prefix in values(var.prefixes) : can(regex("^[A-Za-z0-9!_.*()/-]+/$", prefix))])
    error_message = "prefixes: letters, digits and !_.*()/- alone, ending in a slash, such as enriched/."
  }
}

variable "database" {
  description = "Name of the database."
  type        = string
  default     = "etl"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database))
    error_message = "database: lower-case letters, digits and underscores, beginning with a letter."
  }
}

variable "capacity" {
  description = "Redshift processing units (RPU): `base` for every query, `max` at once; `daily_rpu_hours` and `monthly_rpu_hours` switch user queries off for the rest of the day or month, null: no limit."
  type = object({
    base              = optional(number, 8)
    max               = optional(number, 32)
    daily_rpu_hours   = optional(number)
    monthly_rpu_hours = optional(number)
  })
  default = {}

  validation {
    condition     = var.capacity.base == 4 || (var.capacity.base % 8 == 0 && var.capacity.base >= 8 && var.capacity.base <= 512) || (var.capacity.base % 32 == 0 && var.capacity.base <= 1024)
    error_message = "capacity.base: 4, 8 to 512 in steps of 8, or to 1024 in steps of 32."
  }

  validation {
    condition     = var.capacity.max >= var.capacity.base
    error_message = "capacity.max: at least capacity.base."
  }
}

variable "load" {
  description = "When the Parquet is loaded: `schedule` (rate or cron of EventBridge Scheduler, UTC), and how many `settle_minutes` after its end an hour is loaded for the last time: more than Firehose's buffer_seconds. `enabled` false stops it."
  type = object({
    schedule       = optional(string, "rate(15 minutes)")
    settle_minutes = optional(number, 30)
    enabled        = optional(bool, true)
  })
  default = {}

  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", var.load.schedule))
    error_message = "load.schedule: rate(15 minutes) or cron(0 * * * ? *)."
  }

  validation {
    condition     = var.load.settle_minutes >= 15 && var.load.settle_minutes <= 1440
    error_message = "load.settle_minutes: 15 (the longest that Firehose buffers) to 1440."
  }
}

variable "migrations" {
  description = "Further DDL by name, run once each, again when its text changes, and again by an apply after AWS has forgotten the statement (a day), after the module's own, in no order among themselves: write statements that may be repeated."
  type        = map(string)
  default     = {}
}

variable "query_limit_seconds" {
  description = "Longest time that a query may run."
  type        = number
  default     = 3600

  validation {
    condition     = var.query_limit_seconds >= 60 && var.query_limit_seconds <= 86399
    error_message = "query_limit_seconds: 60 to 86399."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
