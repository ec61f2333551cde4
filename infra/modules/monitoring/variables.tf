variable "name" {
  type        = string
  description = "Prefix of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and dashes, a letter first: shorten it or replace other characters."
  }
}

variable "account_id" {
  type        = string
  description = "AWS account that the topics and the function are in."

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the twelve digits of an AWS account: aws sts get-caller-identity shows them."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "Key of the topics. Its policy must let cloudwatch, events, budgets and backup (.amazonaws.com) decrypt and generate data keys, or their messages are dropped without a word."

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key: take key_arns[\"alerts\"] of the kms module."
  }
}

variable "log_kms_key_arn" {
  type        = string
  default     = null
  description = "Key of the canary's logs; null leaves them under CloudWatch's own key."
}

variable "metric_namespace" {
  type        = string
  default     = "StreamingETL"
  description = "CloudWatch namespace of the services' metrics: METRICS_EMF_NAMESPACE of every task."

  validation {
    condition     = can(regex("^[A-Za-z0-9._/#-]{1,255}$", var.metric_namespace)) && !startswith(var.metric_namespace, "AWS/")
    error_message = "metric_namespace must be letters, digits and . _ / # - and not begin with AWS/: take StreamingETL/<name>."
  }
}

variable "runbook_url" {
  type        = string
  default     = "docs/troubleshooting.md"
  description = "Where docs/troubleshooting.md is to be read: every alarm's description links its entry there."
}

variable "services" {
  type = map(object({
    cluster_name = string
    service_name = string
    consumes     = optional(bool, true)
  }))
  default     = {}
  description = "ECS services by the name that they tell in the dimension Service; consumes is false for one that reads no stream."
}

variable "streams" {
  type        = map(string)
  default     = {}
  description = "Names of the Kinesis streams, by logical name."
}

variable "consumers" {
  type = map(object({
    stream_name   = string
    consumer_name = string
  }))
  default     = {}
  description = "Enhanced fan-out consumers, by any name."
}

variable "delivery_streams" {
  type        = map(string)
  default     = {}
  description = "Names of the Firehose delivery streams, by logical name."
}

variable "tables" {
  type        = map(string)
  default     = {}
  description = "Names of the DynamoDB tables, by logical name."
}

variable "functions" {
  type        = map(string)
  default     = {}
  description = "Names of the Lambda functions, by logical name; the canary's is added."
}

variable "load_balancer" {
  type = object({
    arn_suffix              = string
    target_group_arn_suffix = string
  })
  default     = null
  description = "The load balancer of the ingest API; null where there is none."
}

variable "aggregator_application" {
  type        = string
  default     = "aggregator"
  description = "AGGREGATOR_APPLICATION: its consumers and lease tables are called by it."
}

variable "search" {
  type = object({
    domain_name = string
    account_id  = string
    volume_gib  = optional(number)
  })
  default     = null
  description = "The OpenSearch domain, and the volume of each of its nodes, at a quarter of which search-disk-low is in alarm; null where there is none."
}

variable "warehouse" {
  type = object({
    workgroup_name = string
    max_capacity   = optional(number)
  })
  default     = null
  description = "The Redshift Serverless workgroup, and the capacity (RPU) that it may take, at which warehouse-at-capacity is in alarm; null where there is none."
}

variable "analytics" {
  type = object({
    application_name = string
  })
  default     = null
  description = "The Flink application; null where there is none."
}

variable "backup" {
  type = object({
    vault_name = string
  })
  default     = null
  description = "The backup vault; null where there is none."
}

variable "ledger_enabled" {
  type        = bool
  default     = false
  description = "Whether a ledger tells LostEvents; its alarm would be of no data before."
}

variable "billing_enabled" {
  type        = bool
  default     = false
  description = "Whether the account's bill is watched; AWS tells it in us-east-1 alone, once billing alerts are switched on."
}

variable "thresholds" {
  type        = map(number)
  default     = {}
  description = "Thresholds other than those of monitoring/alerts.yaml, by the alarm's name there."

  validation {
    condition     = length(setsubtract(keys(var.thresholds), local.alarm_names)) == 0
    error_message = "thresholds names alarms that monitoring/alerts.yaml does not have: ${join(", ", setsubtract(keys(var.thresholds), local.alarm_names))}. Take the names from that file."
  }
}

variable "without" {
  type        = set(string)
  default     = []
  description = "Alarms to leave out, by their names in monitoring/alerts.yaml: each costs $0.10 a month a metric."

  validation {
    condition     = length(setsubtract(var.without, local.alarm_names)) == 0
    error_message = "without names alarms that monitoring/alerts.yaml does not have: ${join(", ", setsubtract(var.without, local.alarm_names))}. Take the names from that file."
  }
}

variable "page_emails" {
  type        = set(string)
  default     = []
  description = "Who is told of what must be acted on now. Each address has to confirm once."

  validation {
    condition     = alltrue([for email in var.page_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "page_emails must be addresses such as ops@example.com."
  }
}

variable "ticket_emails" {
  type        = set(string)
  default     = []
  description = "Who is told of what must be acted on this week. Each address has to confirm once."

  validation {
    condition     = alltrue([for email in var.ticket_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "ticket_emails must be addresses such as ops@example.com."
  }
}

variable "canary" {
  type = object({
    package_path               = string
    ingest_url                 = string
    api_key_secret_arn         = string
    api_key_secret_kms_key_arn = optional(string)
    rate_minutes               = optional(number, 1)
    vpc                        = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
    log_retention_days         = optional(number, 30)
    reserve_concurrency        = optional(bool, true)
  })
  default     = null
  description = "The function that sends an event through the ingest API every few minutes: package_path is dist/functions/canary.zip (functions/package makes it), the secret holds an API key as text or as {\"api_key\": …}. Null for none."

  validation {
    condition     = var.canary == null || can(regex("^https?://[^/]+$", var.canary.ingest_url))
    error_message = "canary.ingest_url must be https://host without a path: the canary adds /v1/events."
  }
  validation {
    condition     = try(var.canary.rate_minutes >= 1 && var.canary.rate_minutes <= 5 && floor(var.canary.rate_minutes) == var.canary.rate_minutes, var.canary == null)
    error_message = "canary.rate_minutes must be a whole number from 1 to 5: the alarm looks at periods of five minutes."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
