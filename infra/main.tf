data "aws_caller_identity" "current" {
  count = var.account_id == null ? 1 : 0
}

data "aws_availability_zones" "available" {
  # checkov:skip=CKV_AWS_394: letters of new zones come after the others and the list is cut to network.zones; availability_zones pins them.
  count = length(var.availability_zones) == 0 ? 1 : 0
  state = "available"

  # Local zones have no load balancers of this kind and few services.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_partition" "current" {}

locals {
  account_id = var.account_id == null ? data.aws_caller_identity.current[0].account_id : var.account_id
  zones = (
    length(var.availability_zones) > 0
    ? var.availability_zones
    : slice(data.aws_availability_zones.available[0].names, 0, var.network.zones)
  )
  tags = merge(var.tags, { System = var.name, Environment = var.environment })
  keys = module.kms.key_arns

  parquet = toset(["enriched", "aggregates"])

  # Consumers of enhanced fan-out carry the name of the group that reads: its *_APPLICATION.
  readers = {
    raw = setintersection(["enricher"], var.fan_out)
    enriched = setunion(
      setintersection(keys(var.services), ["indexer"], var.fan_out),
      local.aggregator_fan_out ? keys(local.aggregators) : [],
    )
    aggregates     = local.indexer_fan_out
    alerts         = local.indexer_fan_out
    late           = local.indexer_fan_out
    "dead-letters" = local.indexer_fan_out
    exchange       = toset([for application, distribution in local.aggregators : "${application}-exchange" if distribution == "shards" && local.aggregator_fan_out])
  }
  # The aggregator's applications: the one at work, and those whose tables are kept for a way back to them.
  aggregators        = merge(var.aggregator.former, { (var.aggregator.application) = var.aggregator.distribution })
  aggregator_fan_out = contains(keys(var.services), "aggregator") && contains(var.fan_out, "aggregator")
  aggregator_tables = flatten([
    for application, distribution in local.aggregators :
    [for part in concat(["leases", "alert-leases"], distribution == "shards" ? ["exchange-leases"] : []) : "${application}-${part}"]
  ])

  # The console is reached in no other way.
  has_exec = contains(keys(var.services), "console") || anytrue([for service in values(var.services) : service.exec])
  # Sessions come over Systems Manager, and are encrypted by a key:
  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html#ecs-vpc-endpoint-ecsexec
  exec_endpoints  = local.has_exec && var.network.private && var.network.nat == "none" ? ["kms", "ssmmessages"] : []
  has_search      = var.search.enabled
  indexer_fan_out = setintersection(local.has_search ? ["indexer"] : [], var.fan_out)
}

module "kms" {
  source               = "./modules/kms"
  name                 = var.name
  account_id           = local.account_id
  shared               = var.encryption.shared_key
  deletion_window_days = var.encryption.deletion_window_days
  tags                 = local.tags
}

module "network" {
  source                   = "./modules/network"
  name                     = var.name
  account_id               = local.account_id
  cidr_block               = var.network.cidr_block
  availability_zones       = local.zones
  private                  = var.network.private
  nat                      = var.network.nat
  interface_endpoints      = setunion(var.network.interface_endpoints, local.exec_endpoints)
  flow_logs_retention_days = var.network.flow_logs_retention_days
  kms_key_arn              = local.keys.logs
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "cluster" {
  source                  = "./modules/cluster"
  name                    = var.name
  container_insights      = var.monitoring.container_insights
  exec_log_retention_days = local.has_exec ? var.retention.log_days : 0
  kms_key_arn             = local.keys.logs
  tags                    = local.tags
}

module "stream" {
  source = "./modules/stream"
  name   = var.name
  streams = {
    for name, stream in var.streams : name => {
      mode                = stream.mode
      shards              = stream.shards
      retention_hours     = stream.retention_hours
      shard_level_metrics = stream.shard_level_metrics
      consumers           = local.readers[name]
    }
  }
  kms_key_arn = local.keys.streams
  tags        = local.tags
}

module "state" {
  source     = "./modules/state"
  name       = var.name
  account_id = local.account_id
  lease_tables = concat(
    ["enricher-leases"],
    local.aggregator_tables,
    local.has_search ? [for kind in local.indexed : "indexer-leases-${kind}"] : [],
  )
  recovery_days       = var.backup.recovery_days
  deletion_protection = var.retention.deletion_protection
  access_log_bucket   = module.lake.access_log_bucket
  kms_key_arn         = local.keys.state
  tags                = local.tags
}

module "lake" {
  source      = "./modules/lake"
  name        = var.name
  account_id  = local.account_id
  tiers       = var.archive.tiers
  object_lock = var.archive.object_lock
  replication = var.replica_region == null ? null : { kms_key_arn = var.archive.replica_kms_key_arn }
  access_logs = var.archive.access_logs
  # What was archived for years is not deleted by a destroy but where it was said to be a trial.
  force_destroy            = !var.retention.deletion_protection
  kms_key_arn              = local.keys.lake
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags

  providers = {
    aws         = aws
    aws.replica = aws.replica
  }
}

module "catalog" {
  source      = "./modules/catalog"
  name        = var.name
  bucket_name = module.lake.bucket_name
  tags        = local.tags
}

module "delivery" {
  source        = "./modules/delivery"
  name          = var.name
  account_id    = local.account_id
  bucket_arn    = module.lake.bucket_arn
  glue_database = module.catalog.database_name
  delivery_streams = {
    for name in ["enriched", "aggregates", "dead-letters"] : name => {
      format         = contains(local.parquet, name) ? "parquet" : "json"
      glue_table     = contains(local.parquet, name) ? module.catalog.table_names[name] : null
      buffer_mib     = var.archive.buffer_mib
      buffer_seconds = var.archive.buffer_seconds
    }
  }
  log_retention_days       = var.retention.log_days
  log_kms_key_arn          = local.keys.logs
  kms_key_arn              = local.keys.lake
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "ingest" {
  source         = "./modules/ingest"
  name           = var.name
  account_id     = local.account_id
  vpc_id         = module.network.vpc_id
  subnet_ids     = module.network.public_subnet_ids
  container_port = local.ports.ingest
  paths          = var.ingest.publish_docs ? ["/v1/*", "/docs", "/openapi.json"] : ["/v1/*"]
  tls = {
    certificate_arn = var.endpoint.certificate_arn
    domain_name     = var.endpoint.domain_name
    zone_id         = var.endpoint.zone_id
  }
  plain_http_cidr_blocks = var.endpoint.plain_http_cidr_blocks
  allowed_cidr_blocks    = var.ingest.allowed_cidr_blocks
  mtls                   = var.ingest.mtls
  waf                    = merge(var.ingest.waf, { log_retention_days = var.retention.log_days })
  access_logs = {
    enabled        = var.ingest.access_log_days > 0
    retention_days = var.ingest.access_log_days
    deletable      = !var.retention.deletion_protection
  }
  idle_timeout_seconds = var.ingest.idle_seconds
  deletion_protection  = var.retention.deletion_protection
  kms_key_arn          = local.keys.logs
  tags                 = local.tags
}

# Who may send: hashes of keys, no keys.
resource "aws_secretsmanager_secret" "senders" {
  # checkov:skip=CKV2_AWS_57: it holds hashes of keys that senders keep; rotated_senders has those that change by themselves.
  count = length(var.senders) > 0 ? 1 : 0

  name        = "${var.name}/ingest-senders"
  description = "Senders of ingest-api, as name:tenant:sha256 separated by commas"
  kms_key_id  = local.keys.secrets
  # A trial is destroyed and made again under the same name.
  recovery_window_in_days = var.retention.deletion_protection ? 30 : 0
  tags                    = local.tags
}

resource "aws_secretsmanager_secret_version" "senders" {
  count = length(var.senders) > 0 ? 1 : 0

  secret_id     = aws_secretsmanager_secret.senders[0].id
  secret_string = join(",", [for name, sender in var.senders : "${name}:${sender.tenant}:${sender.sha256}"])
}

# Keys that change by themselves.
module "rotation" {
  source = "./modules/rotation"
  count  = length(var.rotated_senders) > 0 ? 1 : 0

  name       = var.name
  account_id = local.account_id
  senders    = var.rotated_senders
  # The function connects as a stranger does, without a certificate.
  ingest_url               = var.ingest.mtls == null && contains(var.ingest.allowed_cidr_blocks, "0.0.0.0/0") && length(var.endpoint.plain_http_cidr_blocks) == 0 ? module.ingest.url : null
  refresh_seconds          = local.senders_refresh_seconds
  package_path             = "${var.packages_dir}/rotate.zip"
  alarm_topic_arns         = [module.monitoring.ticket_topic_arn]
  recovery_window_days     = var.retention.deletion_protection ? 30 : 0
  log_retention_days       = var.retention.log_days
  log_kms_key_arn          = local.keys.logs
  kms_key_arn              = local.keys.secrets
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

# What the SQL raises as an alert, for people or programs that subscribe.
resource "aws_sns_topic" "alerts" {
  name              = "${var.name}-alerts"
  kms_master_key_id = local.keys.alerts
  tags              = local.tags
}

resource "aws_sns_topic_subscription" "alerts" {
  for_each = var.contacts.alerts

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.key
}
