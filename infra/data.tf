# By [0] and by name, not by `for` over the modules: that would wait for the whole module, and the domain lets in the
# services that read its address.
locals {
  search_url        = local.has_search ? module.search[0].endpoint : null
  search_secret_arn = local.has_search ? module.search[0].secret_arn : null
}

module "search" {
  source = "./modules/search"
  count  = local.has_search ? 1 : 0

  name       = var.name
  account_id = local.account_id
  vpc_id     = module.network.vpc_id
  subnet_ids = slice(module.network.task_subnet_ids, 0, var.search.nodes.zones)
  client_security_group_ids = merge(
    { indexer = module.service["indexer"].security_group_id },
    contains(keys(var.services), "console") ? { console = module.service["console"].security_group_id } : {},
  )
  job = {
    image              = local.images["indexer"]
    repository_arn     = local.repository_arns["indexer"]
    architecture       = var.images.architecture
    indexer_role_arns  = [module.service["indexer"].task_role_arn]
    reader_roles       = concat(contains(keys(var.services), "console") ? [module.service["console"].task_role_arn] : [], var.search.reader_roles)
    snapshot_role_arns = var.search.snapshot_role_arns
    environment = {
      # As the indexer has them, which puts the templates again each time it starts.
      INDEXER_INDEX_SHARDS     = lookup(local.environment["indexer"], "INDEXER_INDEX_SHARDS", "1")
      INDEXER_INDEX_REPLICAS   = local.index_replicas
      INDEXER_REFRESH_INTERVAL = lookup(local.environment["indexer"], "INDEXER_REFRESH_INTERVAL", "1s")
      SEARCH_RETENTION         = join(",", [for alias, days in var.search.retention_days : "${alias}=${days}"])
    }
    cidr_blocks     = module.network.egress.cidr_blocks
    prefix_list_ids = module.network.egress.prefix_list_ids
  }
  nodes                      = var.search.nodes
  masters                    = var.search.masters
  audit_logs                 = var.search.audit_logs
  create_service_linked_role = var.search.create_service_linked_role
  deletion_protection        = var.retention.deletion_protection
  log_retention_days         = var.retention.log_days
  log_kms_key_arn            = local.keys.logs
  kms_key_arn                = local.keys.search
  permissions_boundary_arn   = var.permissions_boundary_arn
  tags                       = local.tags
}

module "warehouse" {
  source = "./modules/warehouse"
  count  = var.warehouse.enabled ? 1 : 0

  name                     = var.name
  account_id               = local.account_id
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.task_subnet_ids
  bucket_arn               = module.lake.bucket_arn
  bucket_kms_key_arn       = local.keys.lake
  capacity                 = var.warehouse.capacity
  load                     = { schedule = var.warehouse.schedule }
  kms_key_arn              = local.keys.warehouse
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "analytics" {
  source = "./modules/analytics"
  count  = var.analytics.enabled ? 1 : 0

  name       = var.name
  account_id = local.account_id
  runtime    = var.analytics.runtime
  code       = var.analytics.code
  properties = merge(
    {
      "kinesis.analytics.flink.run.options" = { python = "main.py", jarfile = "lib/kinesis-connector.jar" }
      "streaming-etl.streams"               = { for name in ["enriched", "aggregates", "alerts"] : name => local.arns[name] }
    },
    length(var.analytics.settings) == 0 ? {} : { "streaming-etl.settings" = var.analytics.settings },
  )
  access = {
    read_streams  = [local.arns.enriched]
    write_streams = [local.arns.aggregates, local.arns.alerts]
    keys          = [local.keys.streams]
  }
  # Watermarks need a subtask for every shard: after a reshard, raise it.
  scaling                  = { parallelism = var.analytics.parallelism, per_kpu = var.analytics.per_kpu }
  log_retention_days       = var.retention.log_days
  log_kms_key_arn          = local.keys.logs
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "functions" {
  source = "./modules/functions"
  count  = length(var.functions) > 0 ? 1 : 0

  name                     = var.name
  account_id               = local.account_id
  functions                = var.functions
  log_retention_days       = var.retention.log_days
  log_kms_key_arn          = local.keys.logs
  kms_key_arn              = local.keys.state
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}
