variable "archive" {
  type = object({
    tiers = optional(object({
      infrequent_access = optional(number)
      instant           = optional(number)
      flexible          = optional(number)
      deep              = optional(number)
      expire            = optional(number)
    }), { infrequent_access = 30, instant = 90, deep = 365 })
    object_lock         = optional(object({ mode = string, days = number }))
    replica_kms_key_arn = optional(string)
    buffer_mib          = optional(number, 64)
    buffer_seconds      = optional(number, 300)
    access_logs         = optional(bool, true)
  })
  default     = {}
  description = "What is kept for years in S3: days until colder classes, object lock, the key of the copy in replica_region, and how long Firehose gathers an object."

  validation {
    condition     = var.replica_region == null || var.archive.replica_kms_key_arn != null
    error_message = "archive.replica_kms_key_arn must be a key in replica_region: an encrypted archive is copied encrypted."
  }
}

variable "search" {
  type = object({
    enabled = optional(bool, true)
    nodes = optional(object({
      type           = optional(string, "t3.small.search")
      count          = optional(number, 1)
      zones          = optional(number, 1)
      volume_gib     = optional(number, 20)
      iops           = optional(number)
      throughput_mib = optional(number)
    }), {})
    masters                    = optional(object({ type = string, count = optional(number, 3) }))
    audit_logs                 = optional(bool, true)
    create_service_linked_role = optional(bool, false)
    sign_requests              = optional(bool, true)
    retention_days             = optional(map(number), { events = 30, aggregates = 365, alerts = 365, late = 30, "dead-letters" = 90 })
    reader_roles               = optional(list(string), [])
    snapshot_role_arns         = optional(list(string), [])
  })
  default     = {}
  description = "OpenSearch: data nodes, dedicated masters, audit logs, and whether the account still needs the service-linked role. sign_requests: indexer and console come by their task roles, with a role in the domain each; false: as its first user. retention_days by alias (0 keeps), reader_roles (ARNs or groups) see the dashboards, snapshot_role_arns may restore."

  validation {
    condition     = alltrue([for alias, days in var.search.retention_days : contains(["events", "aggregates", "alerts", "late", "dead-letters"], alias) && days >= 0 && floor(days) == days])
    error_message = "search.retention_days: whole days by alias, of events, aggregates, alerts, late and dead-letters; 0 keeps."
  }
}

variable "warehouse" {
  type = object({
    enabled = optional(bool, false)
    capacity = optional(object({
      base              = optional(number, 8)
      max               = optional(number, 32)
      daily_rpu_hours   = optional(number)
      monthly_rpu_hours = optional(number)
    }), {})
    schedule = optional(string, "rate(15 minutes)")
  })
  default     = {}
  description = "Redshift Serverless, loaded from the archive by schedule."
}

variable "analytics" {
  type = object({
    enabled     = optional(bool, false)
    runtime     = optional(string, "FLINK-1_20")
    code        = optional(object({ bucket_arn = string, key = string, object_version = optional(string) }))
    parallelism = optional(number, 1)
    per_kpu     = optional(number, 1)
    settings    = optional(map(string), {})
    sinks       = optional(string, "")
  })
  default     = {}
  description = "The same SQL on Managed Service for Apache Flink; code is the package that `make flink-package` makes, in S3, settings are Flink's own, sinks the text of sinks.json that `etl sql flink` writes, by which the indexer knows Flink's rows."

  validation {
    condition     = !var.analytics.enabled || var.analytics.code != null
    error_message = "analytics needs code: run make flink-package, put the zip into a bucket, and name both."
  }

  validation {
    condition     = !var.analytics.enabled || !var.search.enabled || var.analytics.sinks != ""
    error_message = "analytics.sinks must be the text of sinks.json, which etl sql flink writes: without it the indexer sets Flink's rows aside as dead letters."
  }
}

variable "functions" {
  type        = any
  default     = {}
  description = "Lambda functions beside the services, as modules/functions takes them."
}

variable "iot" {
  type = object({
    enabled      = optional(bool, false)
    topic_filter = optional(string, "devices/+/telemetry")
    device_level = optional(number, 2)
    where        = optional(string, "")
  })
  default     = {}
  description = "IoT Core: messages of these topics go into raw."
}

variable "cdc" {
  type = object({
    enabled = optional(bool, false)
    engine  = optional(string, "debezium")
    source_database = optional(object({
      kind               = string
      host               = string
      port               = number
      database           = string
      tables             = list(string)
      secret_arn         = string
      secret_kms_key_arn = optional(string)
    }))
    debezium_image = optional(string)
    dms = optional(object({
      instance_class       = optional(string, "dms.t3.small")
      storage_gib          = optional(number, 20)
      multi_az             = optional(bool, false)
      engine_version       = optional(string)
      migration            = optional(string, "full-load-and-cdc")
      certificate_arn      = optional(string)
      before_image         = optional(string)
      create_account_roles = optional(bool, false)
    }), {})
  })
  default     = {}
  description = "Changes of a database go into raw, by Debezium Server or by DMS, as modules/cdc takes them; the enricher is told."

  validation {
    condition     = !var.cdc.enabled || var.cdc.source_database != null
    error_message = "cdc needs source_database: which one to follow, and the secret to sign in with."
  }

  validation {
    condition     = !var.cdc.enabled || var.cdc.engine != "debezium" || var.cdc.debezium_image != null
    error_message = "cdc.engine debezium needs debezium_image, with a version."
  }
}

variable "log_subscriptions" {
  type = map(object({
    log_group    = string
    pattern      = optional(string, "")
    distribution = optional(string, "ByLogStream")
  }))
  default     = {}
  description = "Log groups of CloudWatch whose lines go into raw, by a name for each; the enricher is told."
}

variable "contacts" {
  type = object({
    page   = optional(set(string), [])
    ticket = optional(set(string), [])
    alerts = optional(set(string), [])
    budget = optional(list(string), [])
  })
  default     = {}
  description = "E-mail addresses: who is told of what must be acted on now (page) and this week (ticket), who is sent the alerts that the SQL raises, and who hears of the budget. Each but the budget's has to confirm once."
}

variable "canary" {
  type = object({
    sender                     = optional(string)
    api_key_secret_arn         = optional(string)
    api_key_secret_kms_key_arn = optional(string)
    rate_minutes               = optional(number, 1)
  })
  default     = null
  description = "Sends an event through the ingest API every few minutes, as one of rotated_senders, or with the key in a secret of yours, whose hash is among the senders. Null for none."

  validation {
    condition     = var.canary == null || try((var.canary.sender == null) != (var.canary.api_key_secret_arn == null), false)
    error_message = "canary: set sender or api_key_secret_arn, one of the two."
  }

  validation {
    condition     = try(var.canary.sender, null) == null || contains(keys(var.rotated_senders), try(var.canary.sender, ""))
    error_message = "canary.sender must be one of rotated_senders, such as rotated_senders = { canary = { tenant = \"default\" } }."
  }
}

variable "monitoring" {
  type = object({
    service_metrics    = optional(bool, true)
    container_insights = optional(string, "disabled")
    thresholds         = optional(map(number), {})
    without            = optional(set(string), [])
    runbook_url        = optional(string, "docs/troubleshooting.md")
  })
  default     = {}
  description = "Dashboard and alarms: whether services publish their own metrics, Container Insights, thresholds and left-out alarms by their names in monitoring/alerts.yaml, and where the runbook is read."
}

variable "audit" {
  type = object({
    enabled           = optional(bool, false)
    services          = optional(bool, false)
    streams           = optional(bool, true)
    management_events = optional(bool, false)
    retention_days    = optional(number, 365)
    object_lock       = optional(object({ mode = string, days = number }))
    log_group_days    = optional(number, 0)
  })
  default     = {}
  description = "Who read and wrote the data: a CloudTrail trail of data events on the archive, the tables and, with streams, the streams. Calls of the services themselves are left out unless services is true: each is billed."
}

variable "backup" {
  type = object({
    enabled        = optional(bool, false)
    schedule       = optional(string, "cron(15 3 * * ? *)")
    retention_days = optional(number, 35)
    recovery_days  = optional(number, 7)
    archive        = optional(bool, false)
    copy_vault_arn = optional(string)
    vault_lock = optional(object({
      mode                = string
      min_retention_days  = optional(number, 7)
      max_retention_days  = optional(number, 400)
      changeable_for_days = optional(number, 3)
    }))
    restore_test = optional(object({
      schedule     = optional(string, "cron(0 6 ? * SUN *)")
      window_days  = optional(number, 7)
      window_hours = optional(number, 4)
    }))
  })
  default     = {}
  description = "AWS Backup of tables and of the state's bucket, beside the point-in-time recovery of recovery_days that tables have in any case; of the archive only with archive = true, since its whole size is billed again."
}

variable "budget" {
  type = object({
    monthly_limit_usd = optional(number)
  })
  default     = {}
  description = "What a month may cost; without monthly_limit_usd nobody watches."
}

variable "reserve_concurrency" {
  type        = bool
  default     = true
  description = "Reserve the concurrency of the resharding function and of the canary, so that neither runs twice at once. AWS refuses it in an account whose quota of concurrent Lambda executions is still the ten of a new one: then false, or have the quota raised."
}

variable "packages_dir" {
  type        = string
  default     = "../dist/functions"
  description = "Folder of the functions' zips, which functions/package makes."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what every role of the system may ever do; null for none. Where the deploy role of environments/bootstrap applies, it must be that folder's output roles_boundary_arn."

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a policy: take roles_boundary_arn of environments/bootstrap."
  }
}
