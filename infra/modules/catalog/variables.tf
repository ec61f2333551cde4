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

variable "bucket_name" {
  description = "Name of the archive bucket that the tables lie in."
  type        = string
}

variable "tables" {
  description = <<-EOT
    Which tables to make, by the delivery stream that fills them: "enriched", "aggregates", "dead-letters". `prefix` in
    the bucket, `format` "parquet" or "json", and `partition_keys`, which Firehose takes from the records (dynamic
    partitioning; give delivery the same). Every table is also partitioned by the hour that Firehose got the record.
  EOT
  type = map(object({
    prefix         = string
    format         = optional(string, "parquet")
    partition_keys = optional(list(string), [])
  }))
  default = {
    enriched     = { prefix = "enriched/" }
    aggregates   = { prefix = "aggregates/" }
    dead-letters = { prefix = "dead-letters/", format = "json" }
  }

  validation {
    condition     = length(setsubtract(keys(var.tables), ["enriched", "aggregates", "dead-letters"])) == 0
    error_message = "tables: the pipeline delivers \"enriched\", \"aggregates\" and \"dead-letters\"."
  }

  validation {
    condition     = alltrue([for table in var.tables : contains(["parquet", "json"], table.format)])
    error_message = "tables: format is \"parquet\" or \"json\"."
  }

  validation {
    condition     = alltrue([for table in var.tables : endswith(table.prefix, "/")])
    error_message = "tables: a prefix ends in a slash, such as enriched/."
  }

  validation {
    condition     = alltrue(flatten([for table in var.tables : [for key in table.partition_keys : can(regex("^event_[a-z_]+$", key))]]))
    error_message = "tables: call partition keys event_<field>, such as event_type: a partition key must not have the name of a column."
  }
}

variable "first_day" {
  description = "The day, as yyyy/MM/dd, that partition projection begins with: nothing older is looked for."
  type        = string
  default     = "2026/01/01"

  validation {
    condition     = can(regex("^20[0-9]{2}/(0[1-9]|1[0-2])/(0[1-9]|[12][0-9]|3[01])$", var.first_day))
    error_message = "first_day: write yyyy/MM/dd, such as 2026/01/01."
  }
}
