variable "name" {
  type        = string
  description = "Prefix of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and dashes, a letter first: shorten it or replace other characters."
  }
}

variable "monthly_limit_usd" {
  type        = number
  description = "What a month may cost, in US dollars."

  validation {
    condition     = var.monthly_limit_usd > 0
    error_message = "monthly_limit_usd must be above 0: take what `etl cost` says for the profile, and some more."
  }
}

variable "cost_tag" {
  type = object({
    key   = string
    value = string
  })
  description = "Tag whose costs count. It must be activated as a cost allocation tag, or nothing is counted: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html"
}

variable "emails" {
  type        = list(string)
  default     = []
  description = "Who is told, by e-mail."

  validation {
    condition     = length(var.emails) <= 10 && alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "emails must be at most ten addresses such as ops@example.com: AWS Budgets takes no more."
  }
}

variable "topic_arn" {
  type        = string
  default     = null
  description = "SNS topic that is told; its policy must let budgets.amazonaws.com publish."
}

variable "actual_percents" {
  type        = set(number)
  default     = [50, 80, 100]
  description = "Parts of the limit at which money spent is told of, in percent."
}

variable "forecast_percent" {
  type        = number
  default     = 100
  description = "Part of the limit at which AWS's forecast of the month is told of, in percent."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}
