# Lines of CloudWatch Logs straight into the stream of accepted events, with no service in between.
#
# CloudWatch Logs sends gzipped batches of lines, which the enricher takes with ENRICHER_RAW_FORMATS=cloudwatch-logs.

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  # With and without the star, which is a part of its own to ArnLike: AWS writes a log group's ARN either way.
  groups = flatten([for name in distinct([for s in var.subscriptions : s.log_group]) : [
    for suffix in ["", ":*"] :
    "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.name}:${var.account_id}:log-group:${name}${suffix}"
  ]])

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "PutEvents"
        Effect   = "Allow"
        Action   = ["kinesis:PutRecord", "kinesis:PutRecords"]
        Resource = var.stream.arn
      },
      ], var.stream.kms_key_arn == null ? [] : [{
        Sid       = "UseStreamKey"
        Effect    = "Allow"
        Action    = "kms:GenerateDataKey"
        Resource  = var.stream.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "kinesis.${data.aws_region.current.name}.amazonaws.com" } }
    }])
  })
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-logs"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "logs.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = local.groups }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "deliver"
  role   = aws_iam_role.this.id
  policy = local.policy
}

resource "aws_cloudwatch_log_subscription_filter" "this" {
  for_each        = var.subscriptions
  depends_on      = [aws_iam_role_policy.this]
  name            = "${var.name}-${each.key}"
  log_group_name  = each.value.log_group
  filter_pattern  = each.value.pattern
  destination_arn = var.stream.arn
  distribution    = each.value.distribution
  role_arn        = aws_iam_role.this.arn
}
