# Copies of new objects in another bucket. Deletions are not copied: the copy is what is left when somebody deletes.

locals {
  replicated = var.replication == null ? {} : { this = var.replication }

  replication_policy = { for id, to in local.replicated : id => jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadSource"
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = aws_s3_bucket.this.arn
      },
      {
        Sid    = "ReadVersions"
        Effect = "Allow"
        Action = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
        "s3:GetObjectRetention", "s3:GetObjectLegalHold"]
        Resource = "${aws_s3_bucket.this.arn}/*"
      },
      {
        Sid      = "WriteCopies"
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = "${to.destination_bucket_arn}/*"
      },
      ], var.kms_key_arn == null ? [] : [{
        Sid      = "Decrypt"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.kms_key_arn
        }], to.destination_kms_key_arn == null ? [] : [{
        Sid      = "Encrypt"
        Effect   = "Allow"
        Action   = "kms:Encrypt"
        Resource = to.destination_kms_key_arn
    }])
  }) }
}

resource "aws_iam_role" "replication" {
  for_each = local.replicated
  # A role's name has at most 64 characters, a bucket's nearly as many.
  name                 = "${substr(var.name, 0, 52)}-replication"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "s3.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "replication" {
  for_each = local.replicated
  name     = "replicate"
  role     = aws_iam_role.replication[each.key].id
  policy   = local.replication_policy[each.key]
}

resource "aws_s3_bucket_replication_configuration" "this" {
  for_each   = local.replicated
  depends_on = [aws_s3_bucket_versioning.this, aws_iam_role_policy.replication]
  bucket     = aws_s3_bucket.this.id
  role       = aws_iam_role.replication[each.key].arn

  dynamic "rule" {
    for_each = { for index, prefix in sort(each.value.prefixes) : index => prefix }

    content {
      id       = rule.value == "" ? "all" : replace(trimsuffix(rule.value, "/"), "/", "-")
      status   = "Enabled"
      priority = rule.key

      filter {
        prefix = rule.value
      }

      delete_marker_replication {
        status = "Disabled"
      }

      dynamic "source_selection_criteria" {
        for_each = var.kms_key_arn == null ? [] : [true]

        content {
          sse_kms_encrypted_objects {
            status = "Enabled"
          }
        }
      }

      destination {
        bucket        = each.value.destination_bucket_arn
        account       = each.value.destination_account_id
        storage_class = each.value.storage_class

        dynamic "access_control_translation" {
          for_each = each.value.destination_account_id == null ? [] : [true]

          content {
            owner = "Destination"
          }
        }

        dynamic "encryption_configuration" {
          for_each = each.value.destination_kms_key_arn == null ? [] : [each.value.destination_kms_key_arn]

          content {
            replica_kms_key_id = encryption_configuration.value
          }
        }
      }
    }
  }
}
