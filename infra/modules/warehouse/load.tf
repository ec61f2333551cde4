# The scheduled load, and the two roles: one by which Redshift reads the archive, one by which the schedule calls Redshift.

locals {
  copy_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "FindBucket"
        Effect   = "Allow"
        Action   = "s3:GetBucketLocation"
        Resource = var.bucket_arn
      },
      {
        Sid       = "ListHours"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = var.bucket_arn
        Condition = { StringLike = { "s3:prefix" = [for prefix in values(var.prefixes) : "${prefix}*"] } }
      },
      {
        Sid      = "ReadParquet"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [for prefix in values(var.prefixes) : "${var.bucket_arn}/${prefix}*"]
      },
      ], var.bucket_kms_key_arn == null ? [] : [{
        Sid       = "Decrypt"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.bucket_kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.name}.amazonaws.com" } }
    }])
  })

  schedule_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Load"
      Effect   = "Allow"
      Action   = ["redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials"]
      Resource = aws_redshiftserverless_workgroup.this.arn
    }]
  })

  # jsonencode writes < and > as escapes, by which the scheduler would not know its keyword.
  schedule_input = replace(replace(jsonencode({
    WorkgroupName = aws_redshiftserverless_workgroup.this.workgroup_name
    Database      = aws_redshiftserverless_namespace.this.db_name
    StatementName = local.warehouse_name
    Sql           = "CALL etl.load('<aws.scheduler.scheduled-time>')"
    WithEvent     = true
  }), "\\u003c", "<"), "\\u003e", ">")
}

resource "aws_iam_role" "copy" {
  name                 = "${local.warehouse_name}-copy"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["redshift-serverless.amazonaws.com", "redshift.amazonaws.com"] }
      # The key that Redshift gives: users of databases of this account and region, whatever the workgroup is called there.
      # https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
      Condition = { StringLike = { "sts:ExternalId" = "arn:${data.aws_partition.current.partition}:redshift:${data.aws_region.current.name}:${var.account_id}:dbuser:*" } }
    }]
  })
}

resource "aws_iam_role_policy" "copy" {
  name   = "copy"
  role   = aws_iam_role.copy.id
  policy = local.copy_policy
}

resource "aws_scheduler_schedule_group" "this" {
  name = local.warehouse_name
  tags = var.tags
}

resource "aws_iam_role" "schedule" {
  name = "${local.warehouse_name}-load"
  # By this tag Redshift gives whoever comes by the role its role in the database:
  # https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-iam-access-federated-db-roles.html
  permissions_boundary = var.permissions_boundary_arn
  tags                 = merge(var.tags, { RedshiftDbRoles = local.database_role })

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:scheduler:${data.aws_region.current.name}:${var.account_id}:schedule-group/${local.warehouse_name}" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  name   = "load"
  role   = aws_iam_role.schedule.id
  policy = local.schedule_policy
}

resource "aws_scheduler_schedule" "load" {
  # checkov:skip=CKV_AWS_297: the schedule holds a statement and no data.
  depends_on                   = [aws_redshiftdata_statement.grants, aws_iam_role_policy.schedule]
  name                         = "load"
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = "Loads the hours of the archive that are new or not settled."
  schedule_expression          = var.load.schedule
  schedule_expression_timezone = "UTC"
  state                        = var.load.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${data.aws_partition.current.partition}:scheduler:::aws-sdk:redshiftdata:executeStatement"
    role_arn = aws_iam_role.schedule.arn
    input    = local.schedule_input

    retry_policy {
      maximum_event_age_in_seconds = 600
      maximum_retry_attempts       = 3
    }
  }
}
