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

variable "streams" {
  description = <<-EOT
    Streams by logical name; a stream is called `<name>-<logical name>`. `mode`: "on-demand" (AWS adds shards),
    "provisioned" (`shards`, Terraform keeps their number) or "autoscaled" (`shards` to begin with; a resharding function
    changes their number and Terraform leaves it so). `consumers` are names of enhanced fan-out consumers: the
    applications of the services that read by fan-out. `shard_level_metrics` cost money by shard.
  EOT
  type = map(object({
    mode                = optional(string, "on-demand")
    shards              = optional(number)
    retention_hours     = optional(number, 24)
    consumers           = optional(set(string), [])
    shard_level_metrics = optional(set(string), [])
  }))

  validation {
    condition     = length(var.streams) > 0 && alltrue([for name in keys(var.streams) : can(regex("^[a-z][a-z0-9-]{0,63}$", name))])
    error_message = "streams: at least one, each named by lower-case letters, digits and hyphens, such as raw or dead-letters."
  }

  validation {
    condition     = alltrue([for s in var.streams : contains(["on-demand", "provisioned", "autoscaled"], s.mode)])
    error_message = "streams: mode is \"on-demand\", \"provisioned\" or \"autoscaled\"."
  }

  validation {
    condition     = alltrue([for s in var.streams : (s.mode == "on-demand") == (s.shards == null)])
    error_message = "streams: state shards for provisioned and autoscaled streams, and leave it out for on-demand ones, whose shards AWS counts."
  }

  validation {
    condition     = alltrue([for s in var.streams : try(s.shards >= 1 && s.shards <= 10000 && floor(s.shards) == s.shards, s.shards == null)])
    error_message = "streams: shards is a whole number from 1 to 10000; the account's own quota may be lower (500 to 20000 by region, see Service Quotas)."
  }

  validation {
    condition     = alltrue([for s in var.streams : s.retention_hours >= 24 && s.retention_hours <= 8760])
    error_message = "streams: retention_hours is 24 (one day) to 8760 (365 days); more than 24 is billed by shard-hour, more than 168 by GB-month."
  }

  validation {
    condition     = alltrue([for s in var.streams : length(s.consumers) <= 20])
    error_message = "streams: a stream has at most 20 enhanced fan-out consumers; let some of its readers poll, or copy the stream."
  }

  validation {
    condition     = alltrue(flatten([for s in var.streams : [for c in s.consumers : can(regex("^[a-zA-Z0-9_.-]{1,128}$", c))]]))
    error_message = "streams: a consumer's name is 1 to 128 letters, digits, dots, hyphens and underscores."
  }

  validation {
    condition = alltrue(flatten([for s in var.streams : [for metric in s.shard_level_metrics : contains(["ALL", "IncomingBytes",
      "IncomingRecords", "IteratorAgeMilliseconds", "OutgoingBytes", "OutgoingRecords", "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded"], metric)]]))
    error_message = "streams: shard_level_metrics are ALL, or any of IncomingBytes, IncomingRecords, IteratorAgeMilliseconds, OutgoingBytes, OutgoingRecords, ReadProvisionedThroughputExceeded and WriteProvisionedThroughputExceeded."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the records; null encrypts with AWS's own key for Kinesis (alias/aws/kinesis)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}
