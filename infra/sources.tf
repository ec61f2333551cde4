locals {
  # What IoT's rule and Debezium put, the enricher knows in any case.
  raw_formats = concat(
    length(var.log_subscriptions) > 0 ? ["cloudwatch-logs"] : [],
    var.cdc.enabled && var.cdc.engine == "dms" ? ["dms"] : [],
  )
}

module "iot" {
  source = "./modules/iot"
  count  = var.iot.enabled ? 1 : 0

  name                     = var.name
  account_id               = local.account_id
  topic_filter             = var.iot.topic_filter
  device_level             = var.iot.device_level
  where                    = var.iot.where
  stream                   = module.stream.streams["raw"]
  error_bucket             = { name = module.lake.bucket_name, arn = module.lake.bucket_arn, kms_key_arn = local.keys.lake }
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "cdc" {
  source = "./modules/cdc"
  count  = var.cdc.enabled ? 1 : 0

  name            = var.name
  account_id      = local.account_id
  vpc_id          = module.network.vpc_id
  subnet_ids      = module.network.task_subnet_ids
  engine          = var.cdc.engine
  source_database = var.cdc.source_database
  stream          = module.stream.streams["raw"]
  debezium = var.cdc.engine == "debezium" ? {
    image            = var.cdc.debezium_image
    cluster_arn      = module.cluster.cluster.arn
    assign_public_ip = module.network.assign_public_ip
  } : null
  dms                      = merge(var.cdc.dms, { assign_public_ip = module.network.assign_public_ip })
  log_retention_days       = var.retention.log_days
  kms_key_arn              = local.keys.logs
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "logs" {
  source = "./modules/logs"
  count  = length(var.log_subscriptions) > 0 ? 1 : 0

  name                     = var.name
  account_id               = local.account_id
  subscriptions            = var.log_subscriptions
  stream                   = module.stream.streams["raw"]
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}
