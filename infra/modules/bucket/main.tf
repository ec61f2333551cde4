# One private S3 bucket: nobody but the account's own identities, TLS alone, everything encrypted.

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_19: every bucket is encrypted, by S3's key or one's own; checkov does not follow the configuration through the module.
  # checkov:skip=CKV_AWS_144: replication is an option, since it doubles the price of the storage.
  # checkov:skip=CKV_AWS_18: access logs are an option; a bucket of access logs cannot log itself.
  # checkov:skip=CKV_AWS_145: without a key of one's own S3 encrypts with its own, which costs nothing.
  # checkov:skip=CKV_AWS_21: a bucket of access logs keeps no versions; all others do by default.
  # checkov:skip=CKV2_AWS_62: nothing listens to the bucket's events; readers go by the hour's prefix.
  bucket              = var.name
  force_destroy       = var.force_destroy
  object_lock_enabled = var.object_lock != null
  tags                = var.tags

  lifecycle {
    precondition {
      condition     = var.versioning || (var.object_lock == null && var.replication == null)
      error_message = "versioning: object lock and replication need it; set it to true."
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  count  = var.versioning ? 1 : 0
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  # checkov:skip=CKV_AWS_300: every rule aborts uploads that were left; checkov reads no dynamic blocks.
  # Rules about versions are refused until versioning is on.
  depends_on = [aws_s3_bucket_versioning.this]
  bucket     = aws_s3_bucket.this.id

  dynamic "rule" {
    for_each = var.rules

    content {
      id     = rule.key
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      abort_incomplete_multipart_upload {
        days_after_initiation = rule.value.abort_multipart_days
      }

      dynamic "transition" {
        for_each = rule.value.transitions

        content {
          days          = transition.value.days
          storage_class = transition.value.storage_class
        }
      }

      dynamic "expiration" {
        for_each = rule.value.expiration_days == null ? [] : [rule.value.expiration_days]

        content {
          days = expiration.value
        }
      }

      dynamic "noncurrent_version_expiration" {
        for_each = rule.value.noncurrent_days == null ? [] : [rule.value.noncurrent_days]

        content {
          noncurrent_days = noncurrent_version_expiration.value
        }
      }
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  count      = var.object_lock == null ? 0 : 1
  depends_on = [aws_s3_bucket_versioning.this]
  bucket     = aws_s3_bucket.this.id

  rule {
    default_retention {
      mode = var.object_lock.mode
      days = var.object_lock.days
    }
  }
}

resource "aws_s3_bucket_logging" "this" {
  count         = var.access_log_bucket == null ? 0 : 1
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.access_log_bucket
  target_prefix = "${var.name}/"
}

resource "aws_s3_bucket_policy" "this" {
  # The account's block on public policies must be in force before any policy is.
  depends_on = [aws_s3_bucket_public_access_block.this]
  bucket     = aws_s3_bucket.this.id
  policy     = local.policy
}

locals {
  both = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = local.both
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DenyOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = local.both
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ], var.statements)
  })
}
