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
  description = "ARN of the KMS key that encrypts the archive; null encrypts with S3's own key (SSE-S3)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}

variable "data_prefixes" {
  description = "Prefixes of what is archived for years: one a delivery stream, and the originals of dead letters."
  type        = set(string)
  default     = ["enriched/", "aggregates/", "dead-letters/", "dead-letter-originals/"]

  validation {
    condition     = length(var.data_prefixes) > 0 && alltrue([for prefix in var.data_prefixes : can(regex("^[a-z0-9][a-z0-9_/-]*/$", prefix))])
    error_message = "data_prefixes: at least one, each ending in a slash, such as enriched/."
  }
}

variable "tiers" {
  description = <<-EOT
    When what is archived moves to a cheaper class, in days after it was written; what is not named is left out.
    `infrequent_access` STANDARD_IA (milliseconds, 30 days at least), `instant` GLACIER_IR (milliseconds, 90), `flexible`
    GLACIER (minutes to hours to restore, 90), `deep` DEEP_ARCHIVE (12 to 48 hours, 180). `expire` deletes; without it everything is kept.
  EOT
  type = object({
    infrequent_access = optional(number)
    instant           = optional(number)
    flexible          = optional(number)
    deep              = optional(number)
    expire            = optional(number)
  })
  default = { infrequent_access = 30, instant = 90, deep = 365 }

  validation {
    condition     = try(var.tiers.infrequent_access >= 30, var.tiers.infrequent_access == null)
    error_message = "tiers.infrequent_access: 30 or more; S3 refuses to move objects to STANDARD_IA sooner."
  }

  validation {
    condition = alltrue([for pair in [
      [var.tiers.infrequent_access, var.tiers.instant, 30], [var.tiers.infrequent_access, var.tiers.flexible, 30],
      [var.tiers.infrequent_access, var.tiers.deep, 30], [var.tiers.instant, var.tiers.flexible, 90],
      [var.tiers.instant, var.tiers.deep, 90], [var.tiers.flexible, var.tiers.deep, 90],
      [var.tiers.infrequent_access, var.tiers.expire, 30], [var.tiers.instant, var.tiers.expire, 90],
      [var.tiers.flexible, var.tiers.expire, 90], [var.tiers.deep, var.tiers.expire, 180],
    ] : pair[0] == null || pair[1] == null || try(pair[1] - pair[0] >= pair[2], false)])
    error_message = "tiers: leave objects in a class for as long as S3 bills it at least (30 days STANDARD_IA, 90 GLACIER_IR and GLACIER, 180 DEEP_ARCHIVE) before the next; raise the later number."
  }
}

variable "error_retention_days" {
  description = "Days that what Firehose could not deliver is kept under errors/."
  type        = number
  default     = 90

  validation {
    condition     = var.error_retention_days >= 7
    error_message = "error_retention_days: 7 or more, or records that failed are deleted before anybody has looked at them."
  }
}

variable "noncurrent_days" {
  description = "Days that replaced and deleted objects can still be restored."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days: 1 or more."
  }
}

variable "object_lock" {
  description = "Retention that nobody can shorten: `mode` GOVERNANCE or COMPLIANCE, `days`; null: none. Choose when the bucket is made."
  type        = object({ mode = string, days = number })
  default     = null

  validation {
    condition     = var.object_lock == null || try(contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode) && var.object_lock.days >= 1, false)
    error_message = "object_lock: mode GOVERNANCE (privileged users may lift it) or COMPLIANCE (nobody may), and days of 1 or more."
  }
}

variable "replication" {
  description = "Keeps a copy of the archive in the region of provider aws.replica: `storage_class` of the copies, and the ARN of a KMS key there. null: no copy."
  type = object({
    storage_class = optional(string, "GLACIER_IR")
    kms_key_arn   = optional(string)
  })
  default = null

  validation {
    condition     = var.replication == null || try(contains(["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"], var.replication.storage_class), false)
    error_message = "replication.storage_class: STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER or DEEP_ARCHIVE."
  }

  validation {
    condition     = var.replication == null || var.kms_key_arn == null || try(var.replication.kms_key_arn != null, false)
    error_message = "replication.kms_key_arn: an archive with a KMS key needs one in the other region too."
  }
}

variable "access_logs" {
  description = "Make a bucket of S3 server access logs and log who reads and writes the archive."
  type        = bool
  default     = true
}

variable "access_log_days" {
  description = "Days that access logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.access_log_days >= 1
    error_message = "access_log_days: 1 or more."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the archive with all that is in it: for trials only."
  type        = bool
  default     = false
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
