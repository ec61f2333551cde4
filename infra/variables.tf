variable "name" {
  type        = string
  description = "Name of the system, the prefix of every resource's name, such as etl-prod."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 20 lower-case letters, digits and dashes, a letter first: load balancers and domains have short names, and more is added."
  }
}

variable "environment" {
  type        = string
  default     = "dev"
  description = "What it is for, such as dev or prod: a tag of every resource."
}

variable "region" {
  type        = string
  default     = "us-east-1"
  description = "AWS region of everything but the archive's copy."

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be one of AWS's, such as us-east-1 or eu-central-1."
  }
}

variable "replica_region" {
  type        = string
  default     = null
  description = "AWS region of the archive's copy; null for none."

  validation {
    condition     = var.replica_region == null || var.replica_region != var.region
    error_message = "replica_region must be another region than region: a copy beside the original is lost with it."
  }
}

variable "account_id" {
  type        = string
  default     = null
  description = "AWS account that this is meant for: any other is refused. Null takes the one that the credentials are of."

  validation {
    condition     = var.account_id == null || can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the twelve digits of an AWS account, or null: aws sts get-caller-identity shows them."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Further tags of every resource; System and Environment are set."
}

variable "availability_zones" {
  type        = list(string)
  default     = []
  description = "Zones by name, as many as network.zones says; empty takes the region's first ones."

  validation {
    condition     = contains([0, var.network.zones], length(var.availability_zones))
    error_message = "availability_zones must name as many zones as network.zones says, or none at all."
  }
}

variable "network" {
  type = object({
    cidr_block               = optional(string, "10.20.0.0/16")
    zones                    = optional(number, 2)
    private                  = optional(bool, true)
    nat                      = optional(string, "none")
    interface_endpoints      = optional(set(string), ["ecr.api", "ecr.dkr", "kinesis-firehose", "kinesis-streams", "kms", "logs", "monitoring", "secretsmanager", "sns", "sts"])
    flow_logs_retention_days = optional(number, 0)
  })
  default     = {}
  description = "VPC: its addresses; how many zones, 2 or 3; private subnets or public ones; nat none, single or per_zone; interface endpoints, each charged by zone and hour."

  validation {
    condition     = contains([2, 3], var.network.zones)
    error_message = "network.zones must be 2 or 3."
  }
}

variable "encryption" {
  type = object({
    shared_key           = optional(bool, false)
    deletion_window_days = optional(number, 30)
  })
  default     = {}
  description = "KMS: one shared key, or one a domain (streams, lake, state, search, warehouse, logs, secrets, alerts)."
}

variable "retention" {
  type = object({
    log_days            = optional(number, 30)
    deletion_protection = optional(bool, true)
  })
  default     = {}
  description = "Days that logs are kept, and whether what holds data refuses to be destroyed. Switch deletion_protection off for trials."
}

variable "images" {
  type = object({
    repository_prefix = string
    tag               = string
    architecture      = optional(string, "ARM64")
  })
  description = "Where the services' images are: SERVICE's is repository_prefix-SERVICE:tag, such as 123456789012.dkr.ecr.us-east-1.amazonaws.com/etl-enricher:1.4.0. environments/bootstrap makes the repositories."

  validation {
    condition     = can(regex("^[^:@]+(:[0-9]+)?/[^:@]+$", var.images.repository_prefix)) && var.images.tag != "latest"
    error_message = "images.repository_prefix must be registry/prefix without a tag, and images.tag a version, not latest: what latest means changes."
  }
}

variable "image_digests" {
  type        = map(string)
  default     = {}
  description = "Digests of images by service, sha256:…, in place of images.tag: what `etl deploy` sets, so that what runs is what was tried, whatever becomes of a tag."

  validation {
    condition     = alltrue([for digest in values(var.image_digests) : can(regex("^sha256:[0-9a-f]{64}$", digest))])
    error_message = "image_digests must be sha256: and 64 hexadecimal digits each: aws ecr describe-images shows imageDigest."
  }
}

variable "streams" {
  type = map(object({
    mode                = optional(string, "on-demand")
    shards              = optional(number)
    min_shards          = optional(number)
    max_shards          = optional(number)
    retention_hours     = optional(number, 24)
    shard_level_metrics = optional(set(string), [])
  }))
  default = {
    raw            = {}
    enriched       = {}
    aggregates     = {}
    alerts         = {}
    late           = {}
    "dead-letters" = {}
  }
  description = "Kinesis streams: raw, enriched, aggregates, alerts, late, dead-letters, and exchange where aggregator.distribution is shards. mode on-demand; provisioned with shards; or autoscaled with shards at first, and min_shards to max_shards kept by the resharding function."

  validation {
    condition     = length(setsubtract(["raw", "enriched", "aggregates", "alerts", "late", "dead-letters"], keys(var.streams))) == 0
    error_message = "streams must name raw, enriched, aggregates, alerts, late and dead-letters: the services read and write them all."
  }

  validation {
    condition     = length(setsubtract(keys(var.streams), ["raw", "enriched", "aggregates", "alerts", "late", "dead-letters", "exchange"])) == 0
    error_message = "streams names one that no service uses: raw, enriched, aggregates, alerts, late, dead-letters and exchange are there."
  }

  validation {
    condition     = contains(concat([var.aggregator.distribution], values(var.aggregator.former)), "shards") == contains(keys(var.streams), "exchange")
    error_message = "streams.exchange goes with aggregator.distribution = \"shards\", or with a former application that had it, and with those alone: add or remove it."
  }

  validation {
    condition     = alltrue([for stream in values(var.streams) : stream.mode != "autoscaled" || (stream.min_shards != null && stream.max_shards != null)])
    error_message = "streams of mode autoscaled need min_shards and max_shards: the function keeps between them, and the bill too."
  }
}

variable "fan_out" {
  type        = set(string)
  default     = ["enricher", "aggregator"]
  description = "Services that read by enhanced fan-out: each its own 2 MB/s a shard and some 70 ms, charged by consumer-shard-hour. The others poll, and share 2 MB/s and 5 calls a second a shard."

  validation {
    condition     = length(setsubtract(var.fan_out, ["enricher", "aggregator", "indexer"])) == 0
    error_message = "fan_out must be some of enricher, aggregator and indexer: no other service reads streams."
  }
}

variable "services" {
  type = map(object({
    cpu                          = optional(number, 256)
    memory                       = optional(number, 512)
    min_tasks                    = optional(number, 1)
    max_tasks                    = optional(number, 1)
    on_demand_base               = optional(number, 0)
    on_demand_weight             = optional(number, 0)
    spot_weight                  = optional(number, 1)
    cpu_target_percent           = optional(number, 70)
    bytes_per_task_per_minute    = optional(number)
    requests_per_task_per_minute = optional(number)
    lag_seconds                  = optional(number)
    environment                  = optional(map(string), {})
    secrets                      = optional(map(string), {})
    exec                         = optional(bool, false)
    image                        = optional(string)
  }))
  default = {
    "ingest-api" = {}
    enricher     = {}
    aggregator   = {}
    indexer      = {}
  }
  description = "Tasks of each service: size, how many at least and at most, on demand or Spot, what autoscaling holds (bytes of its stream or requests a task and minute, processor use) and the lag that adds tasks. environment and secrets (name to ARN) are further settings; docs/configuration.md lists them. console is optional: it shows events, so nothing is opened to it; it is reached through ECS Exec."

  validation {
    condition     = length(setsubtract(["ingest-api", "enricher"], keys(var.services))) == 0 && length(setsubtract(keys(var.services), ["ingest-api", "enricher", "aggregator", "indexer", "console"])) == 0
    error_message = "services must name ingest-api and enricher, and may name aggregator, indexer and console, no other."
  }

  validation {
    condition     = contains(keys(var.services), "aggregator") || var.analytics.enabled
    error_message = "The SQL is run by services.aggregator, with analytics.enabled by Flink, or by both (a window has one id in both, and the aggregator's row stands): name at least one."
  }

  validation {
    condition     = contains(keys(var.services), "indexer") == var.search.enabled
    error_message = "services.indexer and search.enabled belong together: the indexer writes to the domain, and nothing else does."
  }

  validation {
    condition     = !anytrue([for service in values(var.services) : contains(keys(service.environment), "INDEXER_RETENTION_DAYS")])
    error_message = "INDEXER_RETENTION_DAYS has the indexer delete indices, which its role may not do: set search.retention_days, by which the domain deletes them itself."
  }

  validation {
    condition     = alltrue([for service in values(var.services) : service.min_tasks >= 1 && service.max_tasks >= service.min_tasks])
    error_message = "services must have 1 <= min_tasks <= max_tasks."
  }
}

variable "aggregator" {
  type = object({
    distribution = optional(string, "single")
    application  = optional(string, "aggregator")
    former       = optional(map(string), {})
    pipelines    = optional(object({ bucket = string, prefix = string, kms_key_arn = optional(string) }))
  })
  default     = {}
  description = "How the SQL is run: distribution single (one task owns all shards, the others stand by) or shards (all share them, with the stream exchange between). application names its state, lease tables and consumers: another distribution needs another one, and former keeps those of an application before (its name, and the distribution that it had) until there is no way back to it (docs/operations.md). pipelines in S3, with the key that encrypts them where it is a KMS key of one's own, or null for those in the image."

  validation {
    condition     = alltrue([for distribution in concat([var.aggregator.distribution], values(var.aggregator.former)) : contains(["single", "shards"], distribution)])
    error_message = "aggregator.distribution, and that of each application in aggregator.former, must be single or shards."
  }

  validation {
    condition     = alltrue([for application in concat([var.aggregator.application], keys(var.aggregator.former)) : can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", application))])
    error_message = "aggregator.application, and each name in aggregator.former, must be 2 to 40 lower-case letters, digits and dashes, a letter first: tables and consumers are called by it."
  }

  validation {
    condition     = !contains(keys(var.aggregator.former), var.aggregator.application)
    error_message = "aggregator.former names the application that is at work: it keeps what others left. Choose another aggregator.application for another distribution, or take it out of former."
  }

  validation {
    condition = !anytrue([
      for application in concat([var.aggregator.application], keys(var.aggregator.former)) :
      application == "enricher" || startswith(application, "indexer") || endswith(application, "-exchange") || endswith(application, "-alert")
    ])
    error_message = "aggregator.application must not be enricher, begin with indexer, nor end in -exchange or -alert: its tables would be called as others are."
  }

  validation {
    condition     = try(var.aggregator.pipelines.kms_key_arn, null) == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.aggregator.pipelines.kms_key_arn))
    error_message = "aggregator.pipelines.kms_key_arn must be the ARN of the KMS key that encrypts the files (aws s3api head-object shows SSEKMSKeyId), or null where S3's own key does."
  }
}

variable "ingest" {
  type = object({
    allowed_cidr_blocks = optional(list(string), ["0.0.0.0/0"])
    mtls = optional(object({
      ca_bundle_bucket         = string
      ca_bundle_key            = string
      ca_bundle_object_version = optional(string)
    }))
    waf             = optional(object({ enabled = optional(bool, false), requests_per_minute = optional(number, 6000) }), {})
    access_log_days = optional(number, 90)
    publish_docs    = optional(bool, false)
    idle_seconds    = optional(number, 60)
  })
  default     = {}
  description = "The ingest API: who may connect, client certificates, firewall, days of access logs (0 for none), whether /docs is published, and how long a silent connection is kept."
}

variable "endpoint" {
  type = object({
    certificate_arn        = optional(string)
    domain_name            = optional(string)
    zone_id                = optional(string)
    plain_http_cidr_blocks = optional(list(string), [])
  })
  description = "Where senders send to: HTTPS by an ACM certificate, or by a domain name and its Route 53 zone; or, for a trial, the addresses that may connect without TLS, such as your own."
}

variable "senders" {
  type        = map(object({ tenant = string, sha256 = string }))
  default     = {}
  description = "Who may send, by name: their tenant, and the SHA-256 of their key's text: printf %s KEY | sha256sum."

  validation {
    condition     = length(var.senders) > 0 ? var.senders_secret_arn == null : var.senders_secret_arn != null || length(var.rotated_senders) > 0
    error_message = "Set senders or senders_secret_arn, one of the two, or rotated_senders: without a key nobody may send, and ingest-api does not start."
  }

  validation {
    condition     = alltrue([for name, sender in var.senders : try(var.rotated_senders[name].tenant == sender.tenant, true)])
    error_message = "senders: a name that is among rotated_senders, too, must be of the same tenant there; a name belongs to one."
  }

  validation {
    condition     = alltrue([for sender in values(var.senders) : can(regex("^[0-9a-f]{64}$", sender.sha256))])
    error_message = "senders: sha256 must be 64 hexadecimal digits, of the key's text without a line end: printf %s KEY | sha256sum."
  }

  validation {
    condition     = alltrue([for name, sender in var.senders : can(regex("^[A-Za-z0-9._-]+$", name)) && can(regex("^[A-Za-z0-9._-]+$", sender.tenant))])
    error_message = "senders: names and tenants are letters, digits, dots, dashes and underscores: colons and commas separate them."
  }
}

variable "rotated_senders" {
  type        = map(object({ tenant = string, days = optional(number, 30) }))
  default     = {}
  description = "Senders whose keys change by themselves, by name: their tenant, and the days from one key to the next. Each reads its key from the secret that the output sender_secrets names."
}

variable "senders_secret_arn" {
  type        = string
  default     = null
  description = "ARN of a secret that holds the senders, as name:tenant:sha256 separated by commas, where Terraform is not to know them."
}
