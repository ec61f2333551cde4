variable "name" {
  description = "Prefix of every resource's name, e.g. etl-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name: 3 to 24 lower-case letters, digits and dashes, a letter first; the bucket's name adds -audit-, the account and the region, and S3 takes 63 characters."
  }
}

variable "account_id" {
  description = "AWS account of the trail."
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

variable "bucket_arns" {
  description = "Buckets whose objects' reads and writes are recorded, by logical name."
  type        = map(string)
  default     = {}
}

variable "table_arns" {
  description = "DynamoDB tables whose items' reads and writes are recorded, by logical name."
  type        = map(string)
  default     = {}
}

variable "stream_arns" {
  description = "Kinesis streams whose records' reads and writes are recorded, by logical name, subscriptions of their consumers among them."
  type        = map(string)
  default     = {}

  validation {
    condition     = var.management_events || length(var.bucket_arns) + length(var.table_arns) + length(var.stream_arns) > 0
    error_message = "Name something in bucket_arns, table_arns or stream_arns, or set management_events: a trail must record something."
  }
}

variable "except_roles" {
  description = "Names of roles whose events are not recorded: those of the services themselves, whose every call would be billed."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for role in var.except_roles : !strcontains(role, "/") && !strcontains(role, ":")])
    error_message = "except_roles: names of roles, such as etl-prod-enricher-task, neither ARNs nor paths."
  }
}

variable "management_events" {
  description = "Record management events, too. The first trail of an account has them for nothing; a second copy costs $2 for 100,000."
  type        = bool
  default     = false
}

variable "retention_days" {
  description = "Days until a file is deleted; longer ones than 180 move to Glacier Instant Retrieval after 90."
  type        = number
  default     = 365

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 36500 && (var.object_lock == null || try(var.retention_days >= var.object_lock.days, false))
    error_message = "retention_days: 1 to 36500, and object_lock.days at least: what is locked cannot expire."
  }
}

variable "object_lock" {
  description = "Nobody deletes or overwrites a file for so many days: GOVERNANCE (privileged users may lift it) or COMPLIANCE (not even root may). null: versions alone."
  type = object({
    mode = string
    days = number
  })
  default = null
}

variable "log_group_days" {
  description = "Days that the same events are kept in a log group; 0 makes none. CloudWatch takes $0.50 for a gigabyte."
  type        = number
  default     = 0

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_group_days)
    error_message = "log_group_days: 0 for none, or one of CloudWatch's steps, such as 7, 14, 30, 90 or 365."
  }
}

variable "log_kms_key_arn" {
  description = "KMS key of the log group, which CloudWatch Logs may use; null encrypts with CloudWatch's own."
  type        = string
  default     = null
}

variable "deletion_window_days" {
  description = "Days in which the deletion of the trail's key can be cancelled."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days: 7 to 30, as KMS takes them."
  }
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
