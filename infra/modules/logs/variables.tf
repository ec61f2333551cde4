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

variable "subscriptions" {
  description = <<-EOT
    Log groups whose lines go into the stream, by logical name: `log_group`, `pattern` (filter syntax of CloudWatch Logs;
    "" takes every line) and `distribution`: "ByLogStream" keeps the order of a log stream, "Random" spreads the load.
  EOT
  type = map(object({
    log_group    = string
    pattern      = optional(string, "")
    distribution = optional(string, "ByLogStream")
  }))

  validation {
    condition     = length(var.subscriptions) > 0
    error_message = "subscriptions: name at least one log group."
  }

  validation {
    condition     = alltrue([for s in var.subscriptions : contains(["ByLogStream", "Random"], s.distribution)])
    error_message = "subscriptions: distribution is \"ByLogStream\" or \"Random\"."
  }

  validation {
    condition     = alltrue([for s in var.subscriptions : length(s.pattern) <= 1024])
    error_message = "subscriptions: a pattern has at most 1024 characters."
  }

  validation {
    condition     = alltrue([for s in var.subscriptions : can(regex("^[.#/_A-Za-z0-9-]{1,512}$", s.log_group))])
    error_message = "subscriptions: log_group is the name of a log group, such as /ecs/shop, not its ARN and not a pattern."
  }

  validation {
    condition     = alltrue([for s in var.subscriptions : !startswith(s.log_group, "/${var.name}/") && !startswith(s.log_group, "/aws/lambda/${var.name}-")])
    error_message = "subscriptions: a log group of this system itself: its lines about a batch of lines would come back as a batch, for ever. Choose log groups of others."
  }

  validation {
    condition     = alltrue([for group, n in { for s in var.subscriptions : s.log_group => true... } : length(n) <= 2])
    error_message = "subscriptions: a log group takes at most two subscription filters."
  }
}

variable "stream" {
  description = "The stream of accepted events: `name`, `arn`, and `kms_key_arn` where a key of one's own encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = optional(string) })

  validation {
    condition     = can(regex("^arn:[^:]+:kinesis:[^*]+$", var.stream.arn))
    error_message = "stream.arn: the ARN of a Kinesis stream."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
