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

variable "topic_filter" {
  description = "MQTT topics whose messages are taken, + and # allowed."
  type        = string
  default     = "devices/+/telemetry"

  validation {
    condition     = can(regex("^[^$'\"\\s][^'\"\\s]*$", var.topic_filter)) && length(var.topic_filter) <= 256
    error_message = "topic_filter: at most 256 characters without spaces and quotes, not beginning with $ (AWS's own topics), such as devices/+/telemetry."
  }
}

variable "device_level" {
  description = "Which level of the topic names the device, counted from 1: its messages keep their order."
  type        = number
  default     = 2

  validation {
    condition     = var.device_level >= 1 && var.device_level <= length(split("/", var.topic_filter)) && floor(var.device_level) == var.device_level
    error_message = "device_level: a level of topic_filter, counted from 1."
  }
}

variable "where" {
  description = "Condition in IoT SQL that messages must satisfy, such as temperature > -50; empty takes all."
  type        = string
  default     = ""
}

variable "enabled" {
  description = "Take messages."
  type        = bool
  default     = true
}

variable "stream" {
  description = "The stream of accepted events: `name`, `arn`, and `kms_key_arn` where a key of one's own encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = optional(string) })

  validation {
    condition     = can(regex("^arn:[^:]+:kinesis:[^*]+$", var.stream.arn))
    error_message = "stream.arn: the ARN of a Kinesis stream."
  }
}

variable "error_bucket" {
  description = "Bucket for messages that Kinesis did not take, under errors/iot/: `name`, `arn`, and `kms_key_arn` where a key of one's own encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = optional(string) })

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::[^*]+$", var.error_bucket.arn))
    error_message = "error_bucket.arn: the ARN of a bucket, arn:aws:s3:::NAME."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
