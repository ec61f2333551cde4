variable "name" {
  type        = string
  description = "Prefix of the roles made here, such as etl; none of the systems may be called so."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 20 lower-case letters, digits and dashes, a letter first."
  }
}

variable "account_id" {
  type        = string
  description = "AWS account."

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the twelve digits of an AWS account: aws sts get-caller-identity shows them."
  }
}

variable "repository" {
  type        = string
  description = "Repository on GitHub, OWNER/NAME, whose workflows may take the roles."

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be OWNER/NAME without wildcards: the token's subject is compared with it letter by letter."
  }
}

variable "branch" {
  type        = string
  default     = "main"
  description = "Its default branch, whose runs may plan too."

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch must be a branch's name without wildcards, such as main."
  }
}

variable "environments" {
  type        = map(string)
  description = "GitHub's deployment environments by name, with the name of the system that each deploys: { prod = \"etl-prod\" }."

  validation {
    condition     = length(var.environments) > 0 && !contains(keys(var.environments), "images") && alltrue([for environment in keys(var.environments) : can(regex("^[a-z][a-z0-9-]{0,20}$", environment))])
    error_message = "environments must name one at least, in lower-case letters, digits and dashes; images is that of the images workflow."
  }

  validation {
    condition     = alltrue([for system in values(var.environments) : can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", system)) && !startswith("${var.name}-github-", "${system}-") && !startswith("${var.name}-roles-", "${system}-")])
    error_message = "environments must give each system's variable name, such as etl-prod; one with the prefix of the roles made here (name itself) could change them."
  }
}

variable "provider_arn" {
  type        = string
  default     = null
  description = "GitHub's identity provider where the account has it already; null makes it."

  validation {
    condition     = var.provider_arn == null || can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.provider_arn))
    error_message = "provider_arn must be the ARN of GitHub's provider: aws iam list-open-id-connect-providers shows it."
  }
}

variable "state_bucket_arn" {
  type        = string
  description = "Bucket of the states, each environment's under its name."
}

variable "state_key_arn" {
  type        = string
  description = "KMS key of the states."
}

variable "repository_arns" {
  type        = list(string)
  description = "Image repositories, by ARN."
}

variable "canary_secret_arns" {
  type        = list(string)
  default     = []
  description = "Secrets that `etl deploy` reads its canary's key from."
}

variable "buckets" {
  type        = list(string)
  default     = []
  description = "Further buckets that services use, such as that of the SQL, by name."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}
