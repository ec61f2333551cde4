variable "name" {
  description = "Prefix of every resource's name, e.g. etl-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name: 3 to 24 lower-case letters, digits and hyphens, beginning with a letter, such as \"etl-prod\"."
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
  description = "ARN of the KMS key that encrypts tables and snapshots; null encrypts with keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}

variable "lease_tables" {
  description = "Lease tables by logical name, keyed by leaseKey; a table is called `<name>-<logical name>`."
  type        = set(string)
  default = ["enricher-leases", "aggregator-leases", "aggregator-exchange-leases", "aggregator-alert-leases", "indexer-leases-enriched",
  "indexer-leases-aggregates", "indexer-leases-alerts", "indexer-leases-late", "indexer-leases-dead-letters"]

  validation {
    condition     = alltrue([for name in var.lease_tables : can(regex("^[a-z][a-z0-9-]{0,63}$", name))])
    error_message = "lease_tables: lower-case letters, digits and hyphens, such as enricher-leases."
  }
}

variable "state_tables" {
  description = "Tables of pointers to the aggregator's state by logical name, keyed by application."
  type        = set(string)
  default     = ["aggregator-state"]

  validation {
    condition     = alltrue([for name in var.state_tables : can(regex("^[a-z][a-z0-9-]{0,63}$", name))])
    error_message = "state_tables: lower-case letters, digits and hyphens, such as aggregator-state."
  }
}

variable "recovery_days" {
  description = "How far back tables and snapshots can be restored together: DynamoDB's point-in-time window, and how long S3 keeps replaced snapshots."
  type        = number
  default     = 7

  validation {
    condition     = var.recovery_days >= 1 && var.recovery_days <= 35 && floor(var.recovery_days) == var.recovery_days
    error_message = "recovery_days: a whole number from 1 to 35, the longest window of DynamoDB's point-in-time recovery."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete tables, and a bucket that holds snapshots. Switch it off for trials, and before a destroy."
  type        = bool
  default     = true
}

variable "access_log_bucket" {
  description = "Name of a bucket for S3 server access logs; null: none."
  type        = string
  default     = null
}
