# The archive: what Firehose delivered, for years, in ever cheaper classes.

data "aws_region" "current" {}

data "aws_region" "replica" {
  provider = aws.replica
}

locals {
  bucket_name = "${var.name}-archive-${var.account_id}-${data.aws_region.current.name}"

  transitions = [for step in [
    { days = var.tiers.infrequent_access, storage_class = "STANDARD_IA" },
    { days = var.tiers.instant, storage_class = "GLACIER_IR" },
    { days = var.tiers.flexible, storage_class = "GLACIER" },
    { days = var.tiers.deep, storage_class = "DEEP_ARCHIVE" },
  ] : step if step.days != null]

  data_rules = { for prefix in var.data_prefixes : replace(trimsuffix(prefix, "/"), "/", "-") => {
    prefix          = prefix
    transitions     = local.transitions
    expiration_days = var.tiers.expire
    noncurrent_days = var.noncurrent_days
  } }

  other_rules = {
    errors = { prefix = "errors/", expiration_days = var.error_retention_days, noncurrent_days = 7 }
    source = { prefix = "source/", expiration_days = var.error_retention_days, noncurrent_days = 7 }
  }
}

module "archive" {
  source            = "../bucket"
  name              = local.bucket_name
  kms_key_arn       = var.kms_key_arn
  rules             = merge(local.data_rules, local.other_rules)
  object_lock       = var.object_lock
  access_log_bucket = one(module.access_logs[*].name)
  force_destroy     = var.force_destroy
  tags              = var.tags

  permissions_boundary_arn = var.permissions_boundary_arn

  replication = var.replication == null ? null : {
    destination_bucket_arn  = module.replica[0].arn
    destination_kms_key_arn = var.replication.kms_key_arn
    storage_class           = var.replication.storage_class
    prefixes                = var.data_prefixes
  }
}

module "replica" {
  source        = "../bucket"
  count         = var.replication == null ? 0 : 1
  providers     = { aws = aws.replica }
  name          = "${var.name}-replica-${var.account_id}-${data.aws_region.replica.name}"
  kms_key_arn   = var.replication.kms_key_arn
  object_lock   = var.object_lock
  force_destroy = var.force_destroy
  tags          = var.tags

  rules = { all = { expiration_days = var.tiers.expire, noncurrent_days = var.noncurrent_days } }
}

module "access_logs" {
  source        = "../bucket"
  count         = var.access_logs ? 1 : 0
  name          = "${var.name}-access-${var.account_id}-${data.aws_region.current.name}"
  versioning    = false
  force_destroy = var.force_destroy
  tags          = var.tags

  rules = { all = { expiration_days = var.access_log_days } }

  statements = [{
    Sid       = "S3WritesAccessLogs"
    Effect    = "Allow"
    Principal = { Service = "logging.s3.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = "arn:${data.aws_partition.current.partition}:s3:::${var.name}-access-${var.account_id}-${data.aws_region.current.name}/*"
    Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
  }]
}

data "aws_partition" "current" {}
