variable "name" {
  type        = string
  default     = "etl"
  description = "Prefix of the bucket and of the image repositories."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 20 lower-case letters, digits and dashes, a letter first."
  }
}

variable "account_id" {
  type        = string
  description = "AWS account: any other is refused, and the bucket's name ends in it."

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the twelve digits of an AWS account: aws sts get-caller-identity shows them."
  }
}

variable "region" {
  type        = string
  default     = "us-east-1"
  description = "AWS region of the state and the images."
}

variable "state_recovery_days" {
  type        = number
  default     = 90
  description = "Days that an earlier version of a state can be restored."

  validation {
    condition     = var.state_recovery_days >= 7
    error_message = "state_recovery_days must be 7 at least: a damaged state is not always noticed at once."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}

variable "github" {
  type = object({
    repository         = string
    branch             = optional(string, "main")
    environments       = map(string)
    provider_arn       = optional(string)
    canary_secret_arns = optional(list(string), [])
    buckets            = optional(list(string), [])
  })
  default     = null
  description = "Roles for workflows of a repository on GitHub, OWNER/NAME; null for none. branch: the default one, which plans too. environments: GitHub's deployment environments by name, with the system's name that each deploys, such as { prod = \"etl-prod\" }. provider_arn where the account has GitHub's identity provider already. canary_secret_arns: secrets that `etl deploy` reads its canary's key from. buckets: further buckets that services use, such as that of the SQL."
}
