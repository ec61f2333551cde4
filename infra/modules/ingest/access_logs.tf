data "aws_partition" "current" {}

locals {
  access_log_prefix = "alb"
  access_log_count  = var.access_logs.enabled ? 1 : 0
}

resource "aws_s3_bucket" "access_logs" {
  # checkov:skip=CKV_AWS_18: a bucket of access logs cannot log itself.
  # checkov:skip=CKV_AWS_21: a log is written once and expires; versions of it would only cost.
  # checkov:skip=CKV_AWS_144: access logs are kept for days, and are no data of anybody's to be copied.
  # checkov:skip=CKV_AWS_145: load balancers write to buckets with S3's own keys alone.
  # checkov:skip=CKV2_AWS_62: nothing listens to the bucket's events.
  count = local.access_log_count

  bucket        = "${var.name}-access-logs-${var.account_id}"
  force_destroy = var.access_logs.deletable
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  count = local.access_log_count

  bucket                  = aws_s3_bucket.access_logs[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "access_logs" {
  count = local.access_log_count

  bucket = aws_s3_bucket.access_logs[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# Load balancers write to buckets with S3's own keys alone:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
resource "aws_s3_bucket_server_side_encryption_configuration" "access_logs" {
  count = local.access_log_count

  bucket = aws_s3_bucket.access_logs[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  count = local.access_log_count

  bucket = aws_s3_bucket.access_logs[0].id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.access_logs.retention_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  count = local.access_log_count

  bucket = aws_s3_bucket.access_logs[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "LoadBalancersOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.access_logs[0].arn}/${local.access_log_prefix}/AWSLogs/${var.account_id}/*"
        Condition = { ArnLike = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:elasticloadbalancing:*:${var.account_id}:loadbalancer/*" } }
      },
      {
        Sid       = "EncryptedConnectionsAlone"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.access_logs[0].arn, "${aws_s3_bucket.access_logs[0].arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.access_logs]
}
