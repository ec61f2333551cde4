# Who read and wrote the data: a CloudTrail trail of data events, with files that prove that nobody changed them.

data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  region      = data.aws_region.current.name
  partition   = data.aws_partition.current.partition
  trail_name  = "${var.name}-audit"
  bucket_name = "${var.name}-audit-${var.account_id}-${local.region}"
  # By its name: the bucket and the key let the trail in before there is one.
  trail_arn = "arn:${local.partition}:cloudtrail:${local.region}:${var.account_id}:trail/${local.trail_name}"

  # An event of a role names the session: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
  excepted = [for role in sort(tolist(var.except_roles)) : "arn:${local.partition}:sts::${var.account_id}:assumed-role/${role}/"]

  # A stream's reader by enhanced fan-out calls SubscribeToShard, which is an event of the consumer.
  # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
  selectors = {
    objects   = { type = "AWS::S3::Object", arns = [for arn in values(var.bucket_arns) : "${arn}/"], by = "starts_with" }
    tables    = { type = "AWS::DynamoDB::Table", arns = values(var.table_arns), by = "equals" }
    streams   = { type = "AWS::Kinesis::Stream", arns = values(var.stream_arns), by = "equals" }
    consumers = { type = "AWS::Kinesis::StreamConsumer", arns = [for arn in values(var.stream_arns) : "${arn}/consumer/"], by = "starts_with" }
  }
  # By the arguments' lengths: ARNs are not known before they are made.
  counts   = { objects = length(var.bucket_arns), tables = length(var.table_arns), streams = length(var.stream_arns), consumers = length(var.stream_arns) }
  selected = { for kind, selector in local.selectors : kind => selector if local.counts[kind] > 0 }
}

resource "aws_cloudtrail" "this" {
  # checkov:skip=CKV_AWS_252: nobody is told of each file; queries and alarms go by the log group, where one is asked for.
  # checkov:skip=CKV2_AWS_10: a log group is an option, since its every gigabyte is billed as the monitoring's.
  name                          = local.trail_name
  s3_bucket_name                = module.bucket.name
  kms_key_id                    = aws_kms_key.this.arn
  enable_log_file_validation    = true
  is_multi_region_trail         = true
  include_global_service_events = true # AWS takes no trail of all regions without them; which events it records the selectors say
  cloud_watch_logs_group_arn    = one([for group in aws_cloudwatch_log_group.this : "${group.arn}:*"])
  cloud_watch_logs_role_arn     = one(aws_iam_role.logs[*].arn)
  tags                          = var.tags

  dynamic "advanced_event_selector" {
    for_each = var.management_events ? ["Management events"] : []

    content {
      name = advanced_event_selector.value

      field_selector {
        field  = "eventCategory"
        equals = ["Management"]
      }
    }
  }

  dynamic "advanced_event_selector" {
    for_each = local.selected

    content {
      name = "Data events of ${advanced_event_selector.key}"

      field_selector {
        field  = "eventCategory"
        equals = ["Data"]
      }

      field_selector {
        field  = "resources.type"
        equals = [advanced_event_selector.value.type]
      }

      field_selector {
        field       = "resources.ARN"
        equals      = advanced_event_selector.value.by == "equals" ? advanced_event_selector.value.arns : null
        starts_with = advanced_event_selector.value.by == "starts_with" ? advanced_event_selector.value.arns : null
      }

      dynamic "field_selector" {
        for_each = length(local.excepted) > 0 ? [local.excepted] : []

        content {
          field           = "userIdentity.arn"
          not_starts_with = field_selector.value
        }
      }
    }
  }

  # CloudTrail writes a file at once, to see whether it may.
  depends_on = [module.bucket, aws_kms_key.this, aws_iam_role_policy.logs]
}

module "bucket" {
  source        = "../bucket"
  name          = local.bucket_name
  kms_key_arn   = aws_kms_key.this.arn
  object_lock   = var.object_lock
  force_destroy = var.force_destroy
  tags          = var.tags

  permissions_boundary_arn = var.permissions_boundary_arn

  rules = {
    all = {
      transitions     = var.retention_days > 180 ? [{ days = 90, storage_class = "GLACIER_IR" }] : []
      expiration_days = var.retention_days
      noncurrent_days = 30
    }
  }

  statements = [
    {
      Sid       = "TrailLooksAtTheBucket"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:GetBucketAcl"
      Resource  = "arn:${local.partition}:s3:::${local.bucket_name}"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    },
    {
      Sid       = "TrailWritesItsFiles"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:${local.partition}:s3:::${local.bucket_name}/AWSLogs/${var.account_id}/*"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn, "s3:x-amz-acl" = "bucket-owner-full-control" } }
    },
  ]
}

# A key of its own: who may read the data need not be able to read who read it, nor the other way round.
resource "aws_kms_key" "this" {
  description             = "${var.name} audit"
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  tags                    = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountDecidesByIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "TrailEncrypts"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = ["kms:DescribeKey", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-audit"
  target_key_id = aws_kms_key.this.key_id
}
