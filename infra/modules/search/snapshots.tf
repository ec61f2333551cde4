# Where manual snapshots lie, and the role by which the domain writes them. AWS's own hourly snapshots are kept for 14
# days and go with the domain; these stay. Who registers the repository needs iam:PassRole on the role:
# https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshot-registerdirectory.html

module "snapshots" {
  source        = "../bucket"
  name          = "${var.name}-snapshots-${var.account_id}-${data.aws_region.current.name}"
  kms_key_arn   = var.kms_key_arn
  force_destroy = !var.deletion_protection
  tags          = var.tags

  rules = { snapshots = { noncurrent_days = var.snapshot_retention_days } }
}

locals {
  snapshot_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ListSnapshots"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = module.snapshots.arn
      },
      {
        Sid      = "UseSnapshots"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "${module.snapshots.arn}/*"
      },
      ], var.kms_key_arn == null ? [] : [{
        Sid       = "UseKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.name}.amazonaws.com" } }
    }])
  })
}

resource "aws_iam_role" "snapshots" {
  name                 = "${local.domain_name}-snapshots"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "es.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = local.domain_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "snapshots" {
  name   = "snapshots"
  role   = aws_iam_role.snapshots.id
  policy = local.snapshot_policy
}
