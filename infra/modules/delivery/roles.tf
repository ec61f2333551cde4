# What each delivery stream may do: write its own prefixes, read its own table, call its own function.

data "aws_partition" "current" {}

locals {
  policies = { for name, stream in local.streams : name => jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "FindBucket"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = var.bucket_arn
      },
      {
        Sid    = "WriteObjects"
        Effect = "Allow"
        Action = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = concat(
          ["${var.bucket_arn}/${stream.prefix}*", "${var.bucket_arn}/errors/${name}/*"],
          stream.keep_source ? ["${var.bucket_arn}/source/${name}/*", "${var.bucket_arn}/errors/source-${name}/*"] : [],
        )
      },
      {
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = "logs:PutLogEvents"
        Resource = "${aws_cloudwatch_log_group.this.arn}:log-stream:${name}"
      },
      ], stream.format != "parquet" ? [] : [{
        Sid    = "ReadColumns"
        Effect = "Allow"
        Action = ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"]
        Resource = [for what in ["catalog", "database/${coalesce(var.glue_database, "-")}", "table/${coalesce(var.glue_database, "-")}/${stream.glue_table}"] :
        "arn:${data.aws_partition.current.partition}:glue:${data.aws_region.current.name}:${var.account_id}:${what}"]
        }], stream.transform_lambda_arn == null ? [] : [{
        Sid      = "Transform"
        Effect   = "Allow"
        Action   = ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"]
        Resource = [stream.transform_lambda_arn, "${stream.transform_lambda_arn}:$LATEST"]
        }], var.kms_key_arn == null ? [] : [{
        Sid      = "UseKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = [
          "s3.${data.aws_region.current.name}.amazonaws.com", "firehose.${data.aws_region.current.name}.amazonaws.com",
        ] } }
    }])
  }) }
}

# Who may trust Firehose is told without a condition, as its document has it: no account is promised in this call, and a
# role that nobody can assume is found out when the stream is made. Only who may pass the role can name it.
# https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#firehose-assume-role
resource "aws_iam_role" "this" {
  for_each             = var.delivery_streams
  name                 = "${var.name}-firehose-${each.key}"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "firehose.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = var.delivery_streams
  name     = "deliver"
  role     = aws_iam_role.this[each.key].id
  policy   = local.policies[each.key]
}
