variable "name" {
  type        = string
  description = "Prefix of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and dashes, a letter first: shorten it or replace other characters."
  }
}

variable "container_insights" {
  type        = string
  default     = "disabled"
  description = "Container Insights: disabled, enabled or enhanced. CloudWatch charges its metrics a service and task."

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "container_insights must be disabled, enabled or enhanced."
  }
}

variable "exec_log_retention_days" {
  type        = number
  default     = 0
  description = "Days that sessions of ECS Exec are kept in CloudWatch Logs; 0 opens no such way in and logs nothing."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "Key of the sessions and their log; null leaves CloudWatch's own encryption."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}
