# Keys of senders that change by themselves: a secret a sender, the list by which ingest-api knows them, and the function
# that Secrets Manager calls for each of its four steps.

data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  region        = data.aws_region.current.name
  function_name = "${var.name}-rotate"
  log_group_arn = "arn:${data.aws_partition.current.partition}:logs:${local.region}:${var.account_id}:log-group:/aws/lambda/${local.function_name}"
  secret_arns   = { for name, secret in aws_secretsmanager_secret.key : name => secret.arn }
  # A task that failed to read the list once has read it after twice the interval.
  settle_seconds = 2 * var.refresh_seconds + 10
}

resource "aws_secretsmanager_secret" "list" {
  # checkov:skip=CKV2_AWS_57: it holds hashes alone; the rotation of each sender's key writes it.
  name                    = "${var.name}/ingest-rotated-senders"
  description             = "Senders of ingest-api whose keys are rotated, as name:tenant:sha256; written by ${local.function_name}"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
  tags                    = var.tags
}

# The function writes it from the first rotation on.
resource "aws_secretsmanager_secret_version" "list" {
  secret_id     = aws_secretsmanager_secret.list.id
  secret_string = "# No key has been rotated yet."

  lifecycle {
    ignore_changes = [secret_string]
  }
}

resource "aws_secretsmanager_secret" "key" {
  for_each = var.senders

  name                    = "${var.name}/sender-keys/${each.key}"
  description             = "The key by which ${each.key} sends to the ingest API: api_key of this JSON"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
  tags                    = var.tags
}

# Without a key: the first rotation, which begins at once, makes one that Terraform never sees.
resource "aws_secretsmanager_secret_version" "key" {
  for_each = var.senders

  secret_id     = aws_secretsmanager_secret.key[each.key].id
  secret_string = jsonencode({ sender = each.key, tenant = each.value.tenant })

  lifecycle {
    ignore_changes = [secret_string]
  }
}

resource "aws_secretsmanager_secret_rotation" "key" {
  # checkov:skip=CKV_AWS_304: thirty days by default; checkov does not read each sender's own days.
  for_each = var.senders

  secret_id           = aws_secretsmanager_secret.key[each.key].id
  rotation_lambda_arn = aws_lambda_function.this.arn
  rotate_immediately  = true

  rotation_rules {
    automatically_after_days = each.value.days
  }

  # The first rotation reads what is there, and Secrets Manager asks at once whether it may call.
  depends_on = [
    aws_secretsmanager_secret_version.key, aws_secretsmanager_secret_version.list,
    aws_lambda_permission.secrets, aws_iam_role_policy.this,
  ]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_115: a reservation takes concurrency away from the account's other functions; it runs once a rotation.
  # checkov:skip=CKV_AWS_116: Secrets Manager calls it, waits for it and repeats a step that failed; nothing is queued.
  # checkov:skip=CKV_AWS_117: it calls AWS's own endpoints and the ingest API's public address, nothing in the VPC.
  # checkov:skip=CKV_AWS_272: code signing needs a signing profile of one's own; the zip is made of this repository and known by its hash.
  # checkov:skip=CKV_AWS_50: four calls a rotation, told by its log; tracing would add a permission and a price.
  function_name    = local.function_name
  description      = "Rotates the keys by which senders send to the ingest API."
  role             = aws_iam_role.this.arn
  runtime          = "python3.13"
  architectures    = ["arm64"]
  handler          = "rotate.handler.handle"
  filename         = var.package_path
  source_code_hash = filebase64sha256(var.package_path)
  memory_size      = 128
  # It waits until every task has read the list, then tries the key twenty times.
  timeout     = min(900, local.settle_seconds + 240)
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  environment {
    variables = merge(
      {
        ROTATE_SENDERS = jsonencode([
          for name in sort(keys(var.senders)) : {
            secret = aws_secretsmanager_secret.key[name].arn
            name   = name
            tenant = var.senders[name].tenant
          }
        ])
        ROTATE_LIST_SECRET    = aws_secretsmanager_secret.list.arn
        ROTATE_SETTLE_SECONDS = tostring(local.settle_seconds)
      },
      var.ingest_url == null ? {} : { ROTATE_INGEST_URL = var.ingest_url },
    )
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_permission" "secrets" {
  for_each = var.senders

  statement_id   = "rotate-${replace(each.key, ".", "-")}"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this.function_name
  principal      = "secretsmanager.amazonaws.com"
  source_account = var.account_id
  source_arn     = aws_secretsmanager_secret.key[each.key].arn
}

# Secrets Manager repeats a step that failed; meanwhile the key in use stays valid, so that there is a day to mend it.
resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${local.function_name}-failed"
  alarm_description   = "A sender's key could not be changed. The key in use stays valid. See the function's log, and docs/security.md."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = local.function_name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  tags                = var.tags
}
