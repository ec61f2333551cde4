# What the application may do: read its package and its streams, write its own, and say so in its log.

locals {
  statements = [
    {
      Sid      = "ReadPackage"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = ["${var.code.bucket_arn}/${var.code.key}"]
    },
    {
      Sid      = "FindLog"
      Effect   = "Allow"
      Action   = ["logs:DescribeLogGroups", "logs:DescribeLogStreams"]
      Resource = ["arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.name}:${var.account_id}:log-group:*"]
    },
    {
      Sid      = "WriteLog"
      Effect   = "Allow"
      Action   = ["logs:PutLogEvents"]
      Resource = [aws_cloudwatch_log_stream.this.arn]
    },
    {
      Sid      = "ReadStreams"
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:DescribeStreamConsumer"]
      Resource = concat(var.access.read_streams, var.access.read_consumers)
    },
    {
      Sid      = "ReadByFanOut"
      Effect   = "Allow"
      Action   = ["kinesis:SubscribeToShard"]
      Resource = var.access.read_consumers
    },
    {
      Sid      = "RegisterConsumers"
      Effect   = "Allow"
      Action   = ["kinesis:RegisterStreamConsumer"]
      Resource = var.consumer_prefix == null ? [] : var.access.read_streams
    },
    {
      # A consumer's ARN ends in the time it was made, which nobody knows before.
      Sid      = "UseOwnConsumers"
      Effect   = "Allow"
      Action   = ["kinesis:DeregisterStreamConsumer", "kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
      Resource = var.consumer_prefix == null ? [] : [for arn in var.access.read_streams : "${arn}/consumer/${var.consumer_prefix}*:*"]
    },
    {
      Sid      = "WriteStreams"
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:PutRecord", "kinesis:PutRecords"]
      Resource = var.access.write_streams
    },
    {
      Sid      = "WriteDeliveryStreams"
      Effect   = "Allow"
      Action   = ["firehose:PutRecordBatch"]
      Resource = var.access.delivery_streams
    },
    {
      Sid      = "UseKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = distinct(concat(var.access.keys, var.code.kms_key_arn == null ? [] : [var.code.kms_key_arn]))
    },
  ]

  # What AWS asks of an application in a VPC. Network interfaces have no name before they are made, and what describes
  # takes no resource. https://docs.aws.amazon.com/managed-flink/latest/java/vpc-permissions.html
  vpc_statements = var.vpc == null ? [] : [
    {
      Sid      = "JoinVpc"
      Effect   = "Allow"
      Action   = ["ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"]
      Resource = ["arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.name}:${var.account_id}:*/*"]
    },
    {
      Sid    = "SeeVpc"
      Effect = "Allow"
      Action = ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
      Resource = ["*"]
    },
  ]

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for s in concat(local.statements, local.vpc_statements) : s if length(s.Resource) > 0]
  })
}

resource "aws_iam_role" "this" {
  name                 = local.application_name
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "kinesisanalytics.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = local.application_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  # checkov:skip=CKV_AWS_290: what describes a VPC takes no resource; every other action is limited to ARNs.
  # checkov:skip=CKV_AWS_355: the same as CKV_AWS_290.
  name   = "run"
  role   = aws_iam_role.this.id
  policy = local.policy
}
