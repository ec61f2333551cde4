# The same events in a log group, for queries within minutes and for alarms on single events.
locals {
  log_count = var.log_group_days > 0 ? 1 : 0
}

resource "aws_cloudwatch_log_group" "this" {
  count = local.log_count

  name              = "/${var.name}/audit"
  retention_in_days = var.log_group_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "logs" {
  count = local.log_count

  name                 = "${var.name}-audit-logs"
  description          = "CloudTrail writes ${var.name}'s audit log group"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    }]
  })
}

resource "aws_iam_role_policy" "logs" {
  count = local.log_count

  name = "logs"
  role = aws_iam_role.logs[0].id

  # CloudTrail names its log streams so: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WriteEvents"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.this[0].arn}:log-stream:${var.account_id}_CloudTrail_${local.region}*"
    }]
  })
}
