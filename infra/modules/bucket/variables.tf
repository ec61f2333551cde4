variable "name" {
  description = "Full name of the bucket, unique in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name: 3 to 63 lower-case letters, digits and hyphens (no dots: TLS to virtual-hosted names fails with them)."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects; null encrypts with S3's own key (SSE-S3)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}

variable "versioning" {
  description = "Keep overwritten and deleted objects as versions; replication and object lock need it."
  type        = bool
  default     = true
}

variable "rules" {
  description = <<-EOT
    Lifecycle rules by id: `prefix` "" is the whole bucket. Days count from an object's creation, of `noncurrent_days`
    from the moment its version is replaced or deleted. Multipart uploads that were left are aborted after
    `abort_multipart_days`.
  EOT
  type = map(object({
    prefix               = optional(string, "")
    transitions          = optional(list(object({ days = number, storage_class = string })), [])
    expiration_days      = optional(number)
    noncurrent_days      = optional(number)
    abort_multipart_days = optional(number, 7)
  }))
  default = { all = {} }

  validation {
    condition = alltrue(flatten([for rule in var.rules : [for step in rule.transitions :
    contains(["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"], step.storage_class)]]))
    error_message = "rules: a storage_class is STANDARD_IA, INTELLIGENT_TIERING, ONEZONE_IA, GLACIER_IR, GLACIER or DEEP_ARCHIVE."
  }

  validation {
    condition = alltrue([for rule in var.rules :
      try(rule.expiration_days > max(0, [for step in rule.transitions : step.days]...), rule.expiration_days == null)
    ])
    error_message = "rules: expiration_days must be more than 0 and than the days of every transition of its rule; raise it or drop the transition."
  }
}

variable "object_lock" {
  description = "Default retention of every new object; it can only be switched on where the bucket is versioned. null: no lock."
  type = object({
    mode = string
    days = number
  })
  default = null

  validation {
    condition     = var.object_lock == null || try(contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode), false)
    error_message = "object_lock.mode: GOVERNANCE (privileged users may lift it) or COMPLIANCE (nobody may, not even root)."
  }

  validation {
    condition     = var.object_lock == null || try(var.object_lock.days >= 1 && var.object_lock.days <= 36500, false)
    error_message = "object_lock.days: 1 to 36500."
  }
}

variable "replication" {
  description = <<-EOT
    Copies every new object to another bucket, which must be versioned and may be in another region or account. With
    `prefixes` only those. `destination_kms_key_arn` encrypts the copies. null: no copies.
  EOT
  type = object({
    destination_bucket_arn  = string
    destination_kms_key_arn = optional(string)
    destination_account_id  = optional(string)
    storage_class           = optional(string, "STANDARD_IA")
    prefixes                = optional(set(string), [""])
  })
  default = null

  validation {
    condition     = var.replication == null || can(regex("^arn:[^:]+:s3:::.+$", var.replication.destination_bucket_arn))
    error_message = "replication.destination_bucket_arn: the ARN of a bucket, arn:aws:s3:::NAME."
  }
}

variable "access_log_bucket" {
  description = "Name of a bucket for S3 server access logs, which are put under this bucket's name; null: none."
  type        = string
  default     = null
}

variable "statements" {
  description = "Further statements of the bucket policy, such as what another account or a service may do."
  type        = any
  default     = []
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with all that is in it: for trials only."
  type        = bool
  default     = false
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
