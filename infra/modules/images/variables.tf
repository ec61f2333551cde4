variable "name" {
  type        = string
  description = "Prefix of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and dashes, a letter first: shorten it or replace other characters."
  }
}

variable "repositories" {
  type        = set(string)
  default     = ["ingest-api", "enricher", "aggregator", "indexer", "console"]
  description = "Services whose images are kept, a repository each."
}

variable "kept_images" {
  type        = number
  default     = 20
  description = "Newest tagged images that are kept, for rolling back."

  validation {
    condition     = var.kept_images >= 2 && var.kept_images <= 1000
    error_message = "kept_images must be from 2 to 1000: with fewer than two there is nothing to roll back to."
  }
}

variable "untagged_days" {
  type        = number
  default     = 7
  description = "Days that an image without a tag is kept."

  validation {
    condition     = var.untagged_days >= 1
    error_message = "untagged_days must be at least 1."
  }
}

variable "deletable" {
  type        = bool
  default     = false
  description = "Let destroy delete repositories that hold images. For trials alone."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "Key of the images; null leaves ECR's own encryption."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}
