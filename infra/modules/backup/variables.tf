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
  description = "AWS account that is backed up."

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the twelve digits of an AWS account: aws sts get-caller-identity shows them."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "Key of the vault."

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key: take key_arns[\"state\"] of the kms module."
  }
}

variable "source_kms_key_arns" {
  type        = set(string)
  default     = []
  description = "Keys that the tables and buckets are encrypted with: backup jobs read, and restore jobs write, through them."
}

variable "table_arns" {
  type        = map(string)
  default     = {}
  description = "DynamoDB tables to back up, by logical name."

  validation {
    condition     = alltrue([for arn in values(var.table_arns) : can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[^/]+$", arn))])
    error_message = "table_arns must be ARNs of tables: take table_arns of the state module."
  }
}

variable "bucket_arns" {
  type        = map(string)
  default     = {}
  description = "S3 buckets to back up, by logical name. Their versioning must be on: AWS Backup takes no others."

  validation {
    condition     = alltrue([for arn in values(var.bucket_arns) : can(regex("^arn:[^:]+:s3:::[^/]+$", arn))])
    error_message = "bucket_arns must be ARNs of buckets, without a path."
  }
}

variable "schedule" {
  type        = string
  default     = "cron(15 3 * * ? *)"
  description = "When backups begin, in UTC."

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.schedule))
    error_message = "schedule must be cron(…) or rate(…): cron(15 3 * * ? *) is every night at a quarter past three UTC."
  }
}

variable "retention_days" {
  type        = number
  default     = 35
  description = "How long a backup is kept."

  validation {
    condition     = var.retention_days >= 1 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number from 1 on."
  }
}

variable "continuous_buckets" {
  type        = bool
  default     = false
  description = "Whether buckets can be restored to any second of the last 35 days, instead of to a night."
}

variable "copy_vault_arn" {
  type        = string
  default     = null
  description = "Vault of another region or account that each backup is copied to; null for none. Its policy must let this account copy into it."
}

variable "vault_lock" {
  type = object({
    mode                = string
    min_retention_days  = optional(number, 7)
    max_retention_days  = optional(number, 400)
    changeable_for_days = optional(number, 3)
  })
  default     = null
  description = "Keeps backups from being deleted before their time. mode governance: by anyone but those with rights to lift the lock; compliance: by anyone, AWS and the account's owner included, for good once changeable_for_days are over."

  validation {
    condition     = var.vault_lock == null || contains(["governance", "compliance"], try(var.vault_lock.mode, ""))
    error_message = "vault_lock.mode must be governance or compliance."
  }
  validation {
    condition     = try(var.vault_lock.changeable_for_days >= 3, var.vault_lock == null)
    error_message = "vault_lock.changeable_for_days must be at least 3: AWS gives no shorter time to think a compliance lock over."
  }
  validation {
    condition     = try(var.retention_days >= var.vault_lock.min_retention_days && var.retention_days <= var.vault_lock.max_retention_days, var.vault_lock == null)
    error_message = "retention_days must be within vault_lock's min_retention_days and max_retention_days, or every backup job fails."
  }
}

variable "restore_test" {
  type = object({
    schedule     = optional(string, "cron(0 6 ? * SUN *)")
    window_days  = optional(number, 7)
    window_hours = optional(number, 4)
  })
  default     = null
  description = "Restores a recovery point of every table and bucket on a schedule, to see that it can be done, and deletes what it made window_hours later; null for never."

  validation {
    condition     = var.restore_test == null || try(var.restore_test.window_days >= 1 && var.restore_test.window_days <= 365, false)
    error_message = "restore_test.window_days must be from 1 to 365: recovery points so many days old at most are tried."
  }
}

variable "deletable" {
  type        = bool
  default     = false
  description = "Let destroy delete the vault with the backups in it. For trials alone; a locked vault refuses all the same."
}

variable "topic" {
  type        = object({ arn = string })
  default     = null
  description = "SNS topic that is told of backup, copy and restore jobs that fail; null for none. An object, since whether there is one must be known before it is made."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
