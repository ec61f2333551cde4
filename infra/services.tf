locals {
  ports   = { ingest = 8080, probe = 9090, console = 8080 }
  indexed = ["enriched", "aggregates", "alerts", "late", "dead-letters"]
  streams = module.stream.stream_names
  arns    = module.stream.stream_arns
  tables  = module.state.table_names
  firehose = {
    names = module.delivery.delivery_stream_names
    arns  = module.delivery.delivery_stream_arns
  }
  distributed      = var.aggregator.distribution == "shards"
  metric_namespace = "StreamingETL/${var.name}"

  # Less than the two minutes after which Fargate kills, so that a drain that hangs is still told of.
  drain_seconds = 100
  # A volume of the image; the rest of its file system cannot be written to.
  scratch_path = "/scratch"
  prefixes = {
    "ingest-api" = "INGEST"
    enricher     = "ENRICHER"
    aggregator   = "AGGREGATOR"
    indexer      = "INDEXER"
    console      = "CONSOLE"
  }

  common_environment = {
    for service, prefix in local.prefixes : service => {
      AWS_REGION                = var.region
      METRICS_EMF_SECONDS       = var.monitoring.service_metrics ? "60" : "0"
      METRICS_EMF_NAMESPACE     = local.metric_namespace
      "${prefix}_LOG_FORMAT"    = "json"
      "${prefix}_PROBE_HOST"    = "127.0.0.1"
      "${prefix}_PROBE_PORT"    = tostring(local.ports.probe)
      "${prefix}_DRAIN_SECONDS" = tostring(local.drain_seconds)
    }
  }
  consumer_environment = {
    for service in ["enricher", "aggregator", "indexer"] : service => {
      "${local.prefixes[service]}_READING"                     = contains(var.fan_out, service) ? "fan_out" : "polling"
      "${local.prefixes[service]}_DEAD_LETTER_STREAM"          = local.streams["dead-letters"]
      "${local.prefixes[service]}_DEAD_LETTER_DELIVERY_STREAM" = local.firehose.names["dead-letters"]
      "${local.prefixes[service]}_DEAD_LETTER_BUCKET"          = module.lake.bucket_name
    }
  }

  own_environment = {
    "ingest-api" = merge({
      INGEST_HOST   = "0.0.0.0"
      INGEST_PORT   = tostring(local.ports.ingest)
      INGEST_STREAM = local.streams.raw
      # Longer than the load balancer's, or it would send into a connection that just closes.
      INGEST_IDLE_SECONDS = tostring(var.ingest.idle_seconds + 15)
      # Read by the task itself, again and again, so that a key changes without a restart.
      INGEST_API_KEYS_SECRETS         = join(",", local.senders_secrets)
      INGEST_API_KEYS_REFRESH_SECONDS = tostring(local.senders_refresh_seconds)
      },
      # Redshift's COPY of Parquet takes no longer text, and fails as a whole where there is one.
      var.warehouse.enabled ? { INGEST_MAX_EVENT_BYTES = "60000" } : {},
    )
    enricher = merge({
      ENRICHER_RAW_STREAM              = local.streams.raw
      ENRICHER_ENRICHED_STREAM         = local.streams.enriched
      ENRICHER_ARCHIVE_DELIVERY_STREAM = local.firehose.names.enriched
      ENRICHER_LEASE_TABLE             = local.tables["enricher-leases"]
      ENRICHER_CREATE_LEASE_TABLE      = "false"
      },
      # Flink's source does not take KPL aggregates apart.
      var.analytics.enabled ? { ENRICHER_AGGREGATE = "off" } : {},
      length(local.raw_formats) == 0 ? {} : { ENRICHER_RAW_FORMATS = join(",", local.raw_formats) },
    )
    aggregator = merge(
      {
        AGGREGATOR_ENRICHED_STREAM         = local.streams.enriched
        AGGREGATOR_AGGREGATES_STREAM       = local.streams.aggregates
        AGGREGATOR_ALERTS_STREAM           = local.streams.alerts
        AGGREGATOR_LATE_STREAM             = local.streams.late
        AGGREGATOR_ARCHIVE_DELIVERY_STREAM = local.firehose.names.aggregates
        AGGREGATOR_APPLICATION             = var.aggregator.application
        AGGREGATOR_LEASE_TABLE             = local.tables["${var.aggregator.application}-leases"]
        AGGREGATOR_STATE_TABLE             = local.tables["aggregator-state"]
        AGGREGATOR_STATE_BUCKET            = module.state.bucket_name
        AGGREGATOR_CREATE_TABLES           = "false"
        AGGREGATOR_SPILL_FOLDER            = local.scratch_path
        AGGREGATOR_ALERT_SNS_TOPIC         = aws_sns_topic.alerts.arn
        AGGREGATOR_ALERT_LEASE_TABLE       = local.tables["${var.aggregator.application}-alert-leases"]
      },
      var.aggregator.pipelines == null ? {} : {
        AGGREGATOR_PIPELINES = "s3://${var.aggregator.pipelines.bucket}/${trimsuffix(var.aggregator.pipelines.prefix, "/")}"
      },
      local.distributed ? {
        AGGREGATOR_DISTRIBUTION         = "shards"
        AGGREGATOR_EXCHANGE_STREAM      = local.streams["exchange"]
        AGGREGATOR_EXCHANGE_LEASE_TABLE = local.tables["${var.aggregator.application}-exchange-leases"]
      } : {},
    )
    indexer = local.has_search ? merge({
      INDEXER_STREAMS            = join(",", [for kind in local.indexed : "${kind}=${local.streams[kind]}"])
      INDEXER_LEASE_TABLE        = "${var.name}-indexer-leases"
      INDEXER_CREATE_LEASE_TABLE = "false"
      INDEXER_INDEX_REPLICAS     = local.index_replicas
      OPENSEARCH_URL             = local.search_url
      OPENSEARCH_SIGN            = tostring(var.search.sign_requests)
      },
      var.analytics.enabled ? { INDEXER_PLAIN_ROWS = var.analytics.sinks } : {},
    ) : {}
    console = merge(
      {
        # Nothing is opened to it: a browser reaches it by port forwarding, as this machine.
        CONSOLE_HOST               = "127.0.0.1"
        CONSOLE_PORT               = tostring(local.ports.console)
        CONSOLE_ALLOWED_HOSTS      = "localhost"
        CONSOLE_RAW_STREAM         = local.streams.raw
        CONSOLE_ENRICHED_STREAM    = local.streams.enriched
        CONSOLE_AGGREGATES_STREAM  = local.streams.aggregates
        CONSOLE_ALERTS_STREAM      = local.streams.alerts
        CONSOLE_LATE_STREAM        = local.streams.late
        CONSOLE_DEAD_LETTER_STREAM = local.streams["dead-letters"]
        CONSOLE_GROUPS = join(",", concat(
          ["enricher=${local.streams.raw}:${local.tables["enricher-leases"]}"],
          contains(keys(var.services), "aggregator") ? ["aggregator=${local.streams.enriched}:${local.tables["${var.aggregator.application}-leases"]}"] : [],
          local.has_search ? [for kind in local.indexed : "indexer=${local.streams[kind]}:${local.tables["indexer-leases-${kind}"]}"] : [],
        ))
      },
      local.has_search ? { OPENSEARCH_URL = local.search_url, OPENSEARCH_SIGN = tostring(var.search.sign_requests) } : {},
    )
  }

  environment = {
    for service, settings in var.services : service => merge(
      local.common_environment[service],
      lookup(local.consumer_environment, service, {}),
      local.own_environment[service],
      settings.environment,
    )
  }

  index_replicas = var.search.nodes.count > 1 ? "1-1" : "0-0"

  # Who signs needs no password.
  search_secrets = local.has_search && !var.search.sign_requests ? {
    OPENSEARCH_USER     = "${local.search_secret_arn}:username::"
    OPENSEARCH_PASSWORD = "${local.search_secret_arn}:password::"
  } : {}
  senders_secrets = concat(
    var.senders_secret_arn == null ? [] : [var.senders_secret_arn],
    # By the version, so that the secret has its value before a task reads it.
    [for version in aws_secretsmanager_secret_version.senders : version.arn],
    [for rotation in module.rotation : rotation.list_secret_arn],
  )
  senders_refresh_seconds = 60
  secrets = {
    "ingest-api" = {}
    enricher     = {}
    aggregator   = {}
    indexer      = local.search_secrets
    console      = local.search_secrets
  }

  # registry/prefix of ECR → the repository's ARN; of any other registry none.
  ecr = try(regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/(?P<prefix>[^:@]+)$", var.images.repository_prefix), null)

  scaled_streams = { enricher = "raw", aggregator = "enriched", indexer = "enriched" }
  # With one owner further tasks only stand by, so that a number is kept and not scaled.
  max_tasks = {
    for service, settings in var.services : service =>
    service == "aggregator" && !local.distributed ? settings.min_tasks : settings.max_tasks
  }
  scaling = {
    for service, settings in var.services : service => local.max_tasks[service] == settings.min_tasks ? null : {
      min_tasks          = settings.min_tasks
      max_tasks          = local.max_tasks[service]
      cpu_target_percent = settings.cpu_target_percent
      metrics_namespace  = local.metric_namespace
      requests = service != "ingest-api" || settings.requests_per_task_per_minute == null ? null : {
        resource_label        = "${module.ingest.arn_suffix}/${module.ingest.target_group_arn_suffix}"
        per_target_per_minute = settings.requests_per_task_per_minute
      }
      bytes = !contains(keys(local.scaled_streams), service) || settings.bytes_per_task_per_minute == null ? null : {
        stream_name         = local.streams[local.scaled_streams[service]]
        per_task_per_minute = settings.bytes_per_task_per_minute
      }
      lag = !contains(keys(local.scaled_streams), service) || settings.lag_seconds == null ? null : {
        stream_name   = local.streams[local.scaled_streams[service]]
        consumer_name = contains(var.fan_out, service) ? service : null
        seconds       = settings.lag_seconds
      }
      # An indexer's task may also hold shards of the other streams.
      open_shards = service == "enricher" || service == "aggregator" ? (
        var.streams[local.scaled_streams[service]].mode == "provisioned" ? var.streams[local.scaled_streams[service]].shards : null
      ) : null
      idle_tasks_alarm = contains(keys(local.scaled_streams), service)
      alarm_topic_arns = [module.monitoring.ticket_topic_arn]
    }
  }
}

locals {
  # By digest where one is known: a tag says what it is called, a digest what it is.
  images = {
    for service, settings in var.services : service => coalesce(
      settings.image,
      contains(keys(var.image_digests), service)
      ? "${var.images.repository_prefix}-${service}@${var.image_digests[service]}"
      : "${var.images.repository_prefix}-${service}:${var.images.tag}",
    )
  }
}

locals {
  repository_arns = {
    for service, settings in var.services : service =>
    local.ecr == null || settings.image != null ? null : "arn:${data.aws_partition.current.partition}:ecr:${local.ecr.region}:${local.ecr.account}:repository/${local.ecr.prefix}-${service}"
  }
}

module "service" {
  source   = "./modules/service"
  for_each = var.services

  name           = var.name
  service        = each.key
  account_id     = local.account_id
  cluster        = module.cluster.cluster
  image          = local.images[each.key]
  repository_arn = local.repository_arns[each.key]
  architecture   = var.images.architecture
  cpu            = each.value.cpu
  memory         = each.value.memory
  desired_count  = each.value.min_tasks
  capacity = {
    on_demand_base   = each.value.on_demand_base
    on_demand_weight = each.value.on_demand_weight
    spot_weight      = each.value.spot_weight
  }
  scaling = local.scaling[each.key]
  # ECS goes back to the former task definition when one of these rings during a deployment or soon after it.
  deployment  = { alarm_names = lookup(module.monitoring.deployment_alarm_names, each.key, []) }
  environment = local.environment[each.key]
  secrets     = merge(local.secrets[each.key], each.value.secrets)
  # The domain's password is encrypted as the domain is.
  secrets_kms_key_arns = concat([local.keys.secrets], contains(["indexer", "console"], each.key) && !var.search.sign_requests ? [local.keys.search] : [])
  access               = local.access[each.key]
  probe                = { port = local.ports.probe }
  scratch_path         = each.key == "aggregator" ? local.scratch_path : null
  load_balancer        = each.key == "ingest-api" ? module.ingest.load_balancer : null
  # It is reached in no other way.
  exec       = each.value.exec || each.key == "console"
  exec_audit = module.cluster.exec_audit
  network = {
    vpc_id           = module.network.vpc_id
    subnet_ids       = module.network.task_subnet_ids
    assign_public_ip = module.network.assign_public_ip
    cidr_blocks      = module.network.egress.cidr_blocks
    prefix_list_ids  = module.network.egress.prefix_list_ids
  }
  log_retention_days       = var.retention.log_days
  kms_key_arn              = local.keys.logs
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}
