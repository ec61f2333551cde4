# Where the services keep what they must not lose: leases and checkpoints, the pointer to the aggregator's state, and its
# snapshots. A snapshot is deleted when a later one counts; to restore a table to a moment of the past, the snapshots of
# that moment must still be there, so both are kept for the same number of days.

data "aws_region" "current" {}

locals {
  tables = merge(
    { for name in var.lease_tables : name => "leaseKey" },
    { for name in var.state_tables : name => "application" },
  )
}

resource "aws_dynamodb_table" "this" {
  # checkov:skip=CKV_AWS_119: without a key of one's own DynamoDB encrypts with its own, which costs nothing.
  for_each                    = local.tables
  name                        = "${var.name}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = each.value
    type = "S"
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = var.recovery_days
  }

  dynamic "server_side_encryption" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }

  lifecycle {
    precondition {
      condition     = length(setintersection(var.lease_tables, var.state_tables)) == 0
      error_message = "state_tables: a table is for leases or for state, not for both; rename one."
    }
  }
}

module "bucket" {
  source            = "../bucket"
  name              = "${var.name}-state-${var.account_id}-${data.aws_region.current.name}"
  kms_key_arn       = var.kms_key_arn
  access_log_bucket = var.access_log_bucket
  force_destroy     = !var.deletion_protection
  tags              = var.tags

  rules = {
    snapshots = { noncurrent_days = var.recovery_days, abort_multipart_days = 1 }
  }
}
