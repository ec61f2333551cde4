# Messages of devices from IoT Core straight into the stream of accepted events, with no service in between.
#
# The rule adds what the enricher knows telemetry by (event_contract.iot): the device, and the topic. The time is the
# message's own `timestamp`, `ts` or `time`, or else that of the record's arrival in the stream.

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  # Rules take no hyphens.
  rule_name = "${replace(var.name, "-", "_")}_telemetry"

  sql = join(" ", concat(
    ["SELECT *, topic(${var.device_level}) AS device_id, topic() AS topic FROM '${var.topic_filter}'"],
    var.where == "" ? [] : ["WHERE ${var.where}"],
  ))

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "PutEvents"
        Effect   = "Allow"
        Action   = "kinesis:PutRecord"
        Resource = var.stream.arn
      },
      {
        Sid      = "PutFailures"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${var.error_bucket.arn}/errors/iot/*"
      },
      ], var.stream.kms_key_arn == null ? [] : [{
        Sid       = "UseStreamKey"
        Effect    = "Allow"
        Action    = "kms:GenerateDataKey"
        Resource  = var.stream.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "kinesis.${data.aws_region.current.name}.amazonaws.com" } }
        }], var.error_bucket.kms_key_arn == null ? [] : [{
        Sid       = "UseBucketKey"
        Effect    = "Allow"
        Action    = "kms:GenerateDataKey"
        Resource  = var.error_bucket.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.name}.amazonaws.com" } }
    }])
  })
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-iot"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "iot.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:iot:${data.aws_region.current.name}:${var.account_id}:rule/${local.rule_name}" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "deliver"
  role   = aws_iam_role.this.id
  policy = local.policy
}

resource "aws_iot_topic_rule" "this" {
  depends_on  = [aws_iam_role_policy.this]
  name        = local.rule_name
  description = "Telemetry of ${var.topic_filter} into ${var.stream.name}."
  enabled     = var.enabled
  sql         = local.sql
  sql_version = "2016-03-23"
  tags        = var.tags

  kinesis {
    stream_name   = var.stream.name
    partition_key = "$${topic(${var.device_level})}"
    role_arn      = aws_iam_role.this.arn
  }

  error_action {
    s3 {
      bucket_name = var.error_bucket.name
      key         = "errors/iot/$${parse_time(\"yyyy/MM/dd/HH\", timestamp())}/$${newuuid()}"
      role_arn    = aws_iam_role.this.arn
    }
  }
}
