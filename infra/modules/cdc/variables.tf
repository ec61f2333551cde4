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

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts replication storage and the log group; null encrypts with keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn: give the key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), not its id or alias, or null."
  }
}

variable "vpc_id" {
  description = "VPC of the security group."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets, private ones where there are any, each in a zone of its own."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: DMS and a replaced task ask for subnets in two zones; add one."
  }
}

variable "engine" {
  description = "\"debezium\": Debezium Server as a Fargate task, whose change events the enricher understands. \"dms\": AWS DMS, whose records it takes with ENRICHER_RAW_FORMATS=dms."
  type        = string
  default     = "debezium"

  validation {
    condition     = contains(["debezium", "dms"], var.engine)
    error_message = "engine: \"debezium\" or \"dms\"."
  }
}

variable "source_database" {
  description = <<-EOT
    The database that is followed: `kind` "postgres" or "mysql", `host`, `port`, `database`, `tables` as schema.table, and
    `secret_arn`, a secret with JSON members username and password (DMS reads host and port from it and not from here, so a password that RDS manages itself, whose secret lacks them, will not do).
    `secret_kms_key_arn` where a key of one's own encrypts it.
  EOT
  type = object({
    kind               = string
    host               = string
    port               = number
    database           = string
    tables             = list(string)
    secret_arn         = string
    secret_kms_key_arn = optional(string)
  })

  validation {
    condition     = contains(["postgres", "mysql"], var.source_database.kind)
    error_message = "source_database.kind: \"postgres\" or \"mysql\"."
  }

  validation {
    condition     = length(var.source_database.tables) > 0 && alltrue([for table in var.source_database.tables : can(regex("^[A-Za-z0-9_$]+\\.[A-Za-z0-9_$]+$", table))])
    error_message = "source_database.tables: at least one, each as schema.table, such as public.orders."
  }

  validation {
    condition     = can(regex("^arn:[^:]+:secretsmanager:.+$", var.source_database.secret_arn))
    error_message = "source_database.secret_arn: the ARN of a secret in Secrets Manager."
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

variable "debezium" {
  description = <<-EOT
    The task: `image` of Debezium Server, `cluster_arn`, `cpu` units and `memory_mib`, `assign_public_ip` where there is
    no NAT and no endpoint. Positions are kept in the database itself, in `offset_table` (JDBC offset store).
    `properties` are further settings, as DEBEZIUM_… variables.
  EOT
  type = object({
    image            = string
    cluster_arn      = string
    cpu              = optional(number, 512)
    memory_mib       = optional(number, 1024)
    assign_public_ip = optional(bool, false)
    offset_table     = optional(string, "debezium_offsets")
    properties       = optional(map(string), {})
  })
  default = null

  validation {
    condition     = var.engine != "debezium" || var.debezium != null
    error_message = "debezium: engine \"debezium\" needs image and cluster_arn."
  }

  validation {
    condition     = var.debezium == null || try(!can(regex("(:latest$|^[^:@]+$)", var.debezium.image)), false)
    error_message = "debezium.image: name a version or a digest, not latest, or a restart may change it."
  }
}

variable "dms" {
  description = <<-EOT
    The replication instance: `instance_class`, `storage_gib`, `multi_az`, `engine_version` (null: what AWS offers by
    default, and updates), `migration` "cdc" or "full-load-and-cdc", `certificate_arn`, the authority's certificate in DMS,
    by which the database's is checked (MySQL needs it), `before_image` "pk-only", "non-lob" or "all" to have the row
    before an update too, as far as the database logs it (null: none; a task that is there
    keeps what it was made with, since AWS writes its settings back), `assign_public_ip` where subnets have neither NAT
    nor interface endpoints, and `create_account_roles` where the account has no
    dms-vpc-role and dms-cloudwatch-logs-role yet: by a person, since an automatic deployment may make roles of its system alone.
  EOT
  type = object({
    instance_class       = optional(string, "dms.t3.small")
    storage_gib          = optional(number, 20)
    multi_az             = optional(bool, false)
    engine_version       = optional(string)
    migration            = optional(string, "full-load-and-cdc")
    certificate_arn      = optional(string)
    before_image         = optional(string)
    assign_public_ip     = optional(bool, false)
    create_account_roles = optional(bool, false)
  })
  default = {}

  validation {
    condition     = contains(["cdc", "full-load-and-cdc"], var.dms.migration)
    error_message = "dms.migration: \"cdc\" or \"full-load-and-cdc\"."
  }

  validation {
    condition     = var.dms.before_image == null || try(contains(["pk-only", "non-lob", "all"], var.dms.before_image), false)
    error_message = "dms.before_image: \"pk-only\", \"non-lob\", \"all\", or null for none."
  }

  validation {
    # Before 3.4.7 DMS does not say for which account it asks for a role, and the role's trust would refuse it.
    condition     = var.dms.engine_version == null || try(!can(regex("^([12]\\.|3\\.[0-3]\\.|3\\.4\\.[0-6]$)", var.dms.engine_version)), false)
    error_message = "dms.engine_version: 3.4.7 or newer, or null for AWS's default."
  }

  validation {
    condition     = var.engine != "dms" || var.source_database.kind != "mysql" || var.dms.certificate_arn != null
    error_message = "dms.certificate_arn: DMS talks TLS to MySQL only if it can check the certificate; import the authority's into DMS and give its ARN."
  }
}

variable "log_retention_days" {
  description = "Days that log groups keep their lines."
  type        = number
  default     = 365

  validation {
    condition = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch Logs takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
