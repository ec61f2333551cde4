variable "name" {
  description = "Prefix of every resource's name, e.g. etl-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name: 3 to 32 lower-case letters, digits and dashes, a letter first."
  }
}

variable "account_id" {
  description = "AWS account of the secrets."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: the twelve digits of an AWS account; aws sts get-caller-identity shows them."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "senders" {
  description = "Senders whose keys are rotated, by name: the tenant of their events, and the days from one rotation to the next. The former key stays valid as long."
  type = map(object({
    tenant = string
    days   = optional(number, 30)
  }))

  validation {
    condition     = length(var.senders) > 0 && alltrue([for name, sender in var.senders : can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", name)) && can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", sender.tenant))])
    error_message = "senders: one at least; names and tenants are 1 to 64 letters, digits, dots, underscores and dashes, as ingest-api takes them."
  }

  validation {
    condition     = alltrue([for sender in values(var.senders) : sender.days >= 1 && sender.days <= 1000 && floor(sender.days) == sender.days])
    error_message = "senders: days is a whole number from 1 to 1000, as Secrets Manager takes it."
  }
}

variable "refresh_seconds" {
  description = "How often ingest-api reads the list again, as INGEST_API_KEYS_REFRESH_SECONDS says: a new key is in force after twice as long."
  type        = number
  default     = 60

  validation {
    condition     = var.refresh_seconds >= 5 && var.refresh_seconds <= 295
    error_message = "refresh_seconds: 5 to 295; the function waits twice as long, and Lambda ends it after 15 minutes."
  }
}

variable "ingest_url" {
  description = "Where a new key is tried before it is in force; null where the function cannot connect, such as with client certificates or closed addresses. Then the wait alone counts."
  type        = string
  default     = null
}

variable "package_path" {
  description = "The function's zip, as `python functions/package` makes it."
  type        = string

  validation {
    condition     = endswith(var.package_path, ".zip")
    error_message = "package_path: a .zip file; `python functions/package` makes dist/functions/rotate.zip."
  }
}

variable "kms_key_arn" {
  description = "KMS key of the secrets and of the function's environment."
  type        = string
}

variable "log_kms_key_arn" {
  description = "KMS key of the function's log, which CloudWatch Logs may use; null encrypts with CloudWatch's own."
  type        = string
  default     = null
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
  description = "SNS topics told when a key could not be changed."
  type        = list(string)
  default     = []
}

variable "recovery_window_days" {
  description = "Days in which a deleted secret can be had back; 0 deletes at once, so that a trial can be made again."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "recovery_window_days: 0, or 7 to 30, as Secrets Manager takes it."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
