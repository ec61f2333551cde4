# A vault, a plan that fills it, and a plan that tries to restore from it.

data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  resources = concat(values(var.table_arns), values(var.bucket_arns))
  lock      = var.vault_lock == null ? {} : { lock = var.vault_lock }
  test      = var.restore_test == null ? {} : { test = var.restore_test }
}

resource "aws_backup_vault" "this" {
  name        = var.name
  kms_key_arn = var.kms_key_arn
  # AWS deletes no vault that holds a backup, so that a trial could not be destroyed.
  force_destroy = var.deletable
  tags          = var.tags
}

resource "aws_backup_vault_lock_configuration" "this" {
  for_each = local.lock

  backup_vault_name   = aws_backup_vault.this.name
  min_retention_days  = each.value.min_retention_days
  max_retention_days  = each.value.max_retention_days
  changeable_for_days = each.value.mode == "compliance" ? each.value.changeable_for_days : null
}

resource "aws_backup_plan" "this" {
  name = var.name

  rule {
    rule_name         = "tables"
    target_vault_name = aws_backup_vault.this.name
    schedule          = var.schedule
    start_window      = 60
    completion_window = 480

    lifecycle {
      delete_after = var.retention_days
    }

    dynamic "copy_action" {
      for_each = var.copy_vault_arn == null ? [] : [var.copy_vault_arn]

      content {
        destination_vault_arn = copy_action.value
        lifecycle {
          delete_after = var.retention_days
        }
      }
    }
  }

  tags = var.tags
}

resource "aws_backup_selection" "tables" {
  for_each = length(var.table_arns) == 0 ? {} : { tables = values(var.table_arns) }

  name         = "${var.name}-${each.key}"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = each.value
}

# Continuous backups are a rule's, and DynamoDB's own point-in-time recovery is not AWS Backup's: a plan apart.
resource "aws_backup_plan" "buckets" {
  for_each = length(var.bucket_arns) == 0 ? {} : { buckets = values(var.bucket_arns) }

  name = "${var.name}-${each.key}"

  rule {
    rule_name                = each.key
    target_vault_name        = aws_backup_vault.this.name
    schedule                 = var.schedule
    start_window             = 60
    completion_window        = 1440
    enable_continuous_backup = var.continuous_buckets

    lifecycle {
      # AWS keeps continuous backups for 35 days at the most.
      delete_after = var.continuous_buckets ? min(35, var.retention_days) : var.retention_days
    }

    dynamic "copy_action" {
      for_each = var.copy_vault_arn == null ? [] : [var.copy_vault_arn]

      content {
        destination_vault_arn = copy_action.value
        lifecycle {
          delete_after = var.retention_days
        }
      }
    }
  }

  tags = var.tags
}

resource "aws_backup_selection" "buckets" {
  for_each = aws_backup_plan.buckets

  name         = "${var.name}-${each.key}"
  plan_id      = each.value.id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = values(var.bucket_arns)
}

resource "aws_backup_restore_testing_plan" "this" {
  for_each = local.test

  # AWS takes letters, digits and underscores alone.
  name                         = replace(var.name, "-", "_")
  schedule_expression          = each.value.schedule
  schedule_expression_timezone = "Etc/UTC"
  start_window_hours           = 1

  recovery_point_selection {
    algorithm             = "LATEST_WITHIN_WINDOW"
    include_vaults        = [aws_backup_vault.this.arn]
    recovery_point_types  = var.continuous_buckets ? ["CONTINUOUS", "SNAPSHOT"] : ["SNAPSHOT"]
    selection_window_days = each.value.window_days
  }

  tags = var.tags
}

resource "aws_backup_restore_testing_selection" "this" {
  for_each = length(local.test) == 0 ? {} : {
    for type, arns in { DynamoDB = values(var.table_arns), S3 = values(var.bucket_arns) } : type => arns if length(arns) > 0
  }

  name                      = lower("${replace(var.name, "-", "_")}_${each.key}")
  restore_testing_plan_name = aws_backup_restore_testing_plan.this["test"].name
  protected_resource_type   = each.key
  protected_resource_arns   = each.value
  iam_role_arn              = aws_iam_role.restore.arn
  validation_window_hours   = var.restore_test.window_hours
}

# Jobs that did not come to their end. Restore jobs tell a status, the others a state.
resource "aws_cloudwatch_event_rule" "failed" {
  for_each = var.topic == null ? {} : {
    backup = {
      "detail-type" = ["Backup Job State Change", "Copy Job State Change"]
      detail        = { state = ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"], iamRoleArn = [local.role_arns.backup] }
    }
    restore = {
      "detail-type" = ["Restore Job State Change"]
      detail        = { status = ["ABORTED", "FAILED"], iamRoleArn = [local.role_arns.restore] }
    }
  }

  name          = "${var.name}-${each.key}-failed"
  description   = "Tells of ${each.key} jobs that failed"
  event_pattern = jsonencode(merge({ source = ["aws.backup"] }, each.value))
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "failed" {
  for_each = aws_cloudwatch_event_rule.failed

  rule = each.value.name
  arn  = var.topic.arn
}
