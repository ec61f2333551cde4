locals {
  autoscaled = { for name, stream in var.streams : name => stream if stream.mode == "autoscaled" }
}

module "reshard" {
  source = "./modules/reshard"
  count  = length(local.autoscaled) > 0 ? 1 : 0

  name = var.name
  streams = {
    for name, stream in local.autoscaled : name => {
      arn        = local.arns[name]
      name       = local.streams[name]
      min_shards = stream.min_shards
      max_shards = stream.max_shards
      consumers  = tolist(local.readers[name])
    }
  }
  package_path             = "${var.packages_dir}/reshard.zip"
  reserve_concurrency      = var.reserve_concurrency
  log_retention_days       = var.retention.log_days
  alarm_topic_arns         = [module.monitoring.ticket_topic_arn]
  log_kms_key_arn          = local.keys.logs
  kms_key_arn              = local.keys.state
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "monitoring" {
  source = "./modules/monitoring"

  name             = var.name
  account_id       = local.account_id
  metric_namespace = local.metric_namespace
  runbook_url      = var.monitoring.runbook_url
  services = var.monitoring.service_metrics ? {
    for service, settings in var.services : service => {
      cluster_name = module.cluster.cluster.name
      service_name = "${var.name}-${service}"
      consumes     = contains(keys(local.scaled_streams), service)
    }
  } : {}
  streams          = local.streams
  consumers        = module.stream.consumers
  delivery_streams = local.firehose.names
  tables           = local.tables
  # The dashboard shows the application at work, not the one before it.
  aggregator_application = var.aggregator.application
  functions = merge(
    { for reshard in module.reshard : "reshard" => reshard.function_name },
    merge([for functions in module.functions : functions.function_names]...),
  )
  load_balancer = {
    arn_suffix              = module.ingest.arn_suffix
    target_group_arn_suffix = module.ingest.target_group_arn_suffix
  }
  search        = one([for domain in module.search : { domain_name = domain.domain_name, account_id = local.account_id, volume_gib = var.search.nodes.volume_gib }])
  warehouse     = one([for warehouse in module.warehouse : { workgroup_name = warehouse.workgroup_name, max_capacity = var.warehouse.capacity.max }])
  analytics     = one([for analytics in module.analytics : { application_name = analytics.application_name }])
  backup        = one([for backup in module.backup : { vault_name = backup.vault_name }])
  thresholds    = var.monitoring.thresholds
  without       = var.monitoring.without
  page_emails   = var.contacts.page
  ticket_emails = var.contacts.ticket
  canary = var.canary == null ? null : {
    package_path               = "${var.packages_dir}/canary.zip"
    ingest_url                 = module.ingest.url
    api_key_secret_arn         = var.canary.sender == null ? var.canary.api_key_secret_arn : module.rotation[0].secret_arns[var.canary.sender]
    api_key_secret_kms_key_arn = var.canary.sender == null ? var.canary.api_key_secret_kms_key_arn : local.keys.secrets
    rate_minutes               = var.canary.rate_minutes
    log_retention_days         = var.retention.log_days
    reserve_concurrency        = var.reserve_concurrency
  }
  log_kms_key_arn          = local.keys.logs
  kms_key_arn              = local.keys.alerts
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "audit" {
  source = "./modules/audit"
  count  = var.audit.enabled ? 1 : 0

  name        = var.name
  account_id  = local.account_id
  bucket_arns = merge({ archive = module.lake.bucket_arn }, module.state.bucket_arns)
  table_arns  = module.state.table_arns
  stream_arns = var.audit.streams ? local.arns : {}
  # What has business with the data: nearly every call is theirs, and each would be billed.
  except_roles             = var.audit.services ? [] : concat([for service in keys(var.services) : "${var.name}-${service}-task"], module.delivery.role_names)
  management_events        = var.audit.management_events
  retention_days           = var.audit.retention_days
  object_lock              = var.audit.object_lock
  log_group_days           = var.audit.log_group_days
  log_kms_key_arn          = local.keys.logs
  deletion_window_days     = var.encryption.deletion_window_days
  force_destroy            = !var.retention.deletion_protection
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "backup" {
  source = "./modules/backup"
  count  = var.backup.enabled ? 1 : 0

  name                     = var.name
  account_id               = local.account_id
  source_kms_key_arns      = [local.keys.state, local.keys.lake]
  table_arns               = module.state.table_arns
  bucket_arns              = merge(module.state.bucket_arns, var.backup.archive ? { archive = module.lake.bucket_arn } : {})
  topic                    = { arn = module.monitoring.ticket_topic_arn }
  schedule                 = var.backup.schedule
  retention_days           = var.backup.retention_days
  copy_vault_arn           = var.backup.copy_vault_arn
  vault_lock               = var.backup.vault_lock
  restore_test             = var.backup.restore_test
  deletable                = !var.retention.deletion_protection
  kms_key_arn              = local.keys.state
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "budget" {
  source = "./modules/budget"
  count  = var.budget.monthly_limit_usd == null ? 0 : 1

  name              = var.name
  monthly_limit_usd = var.budget.monthly_limit_usd
  cost_tag          = { key = "System", value = var.name }
  emails            = var.contacts.budget
  topic_arn         = module.monitoring.ticket_topic_arn
  tags              = local.tags
}
