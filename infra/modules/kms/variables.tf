variable "name" {
  type        = string
  description = "Prefix of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and dashes, a letter first: shorten it or replace other characters."
  }
}

variable "account_id" {
  type        = string
  description = "AWS account that owns the keys."

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the twelve digits of an AWS account: aws sts get-caller-identity shows them."
  }
}

variable "domains" {
  type        = set(string)
  default     = ["streams", "lake", "state", "search", "warehouse", "logs", "secrets", "alerts"]
  description = "What is encrypted apart: each has a key of its own, unless shared."

  validation {
    condition     = length(setsubtract(var.domains, ["streams", "lake", "state", "search", "warehouse", "logs", "secrets", "alerts"])) == 0 && length(var.domains) > 0
    error_message = "domains must be some of streams, lake, state, search, warehouse, logs, secrets, alerts: services are let in by these names."
  }
}

variable "shared" {
  type        = bool
  default     = false
  description = "One key for all domains: a dollar a month instead of one a domain, and no way to withdraw one domain alone."
}

variable "deletion_window_days" {
  type        = number
  default     = 30
  description = "Days in which the deletion of a key can be cancelled. What it encrypted is lost afterwards."

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be from 7 to 30, as KMS takes them."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}
