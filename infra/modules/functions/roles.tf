# What each function may do: its own log, its own stream and queue, and what its `access` lists.

locals {
  statements = { for name, function in var.functions : name => [for s in [
    {
      Sid      = "WriteLog"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.this[name].arn}:*"]
    },
    {
      Sid    = "Poll"
      Effect = "Allow"
      # Event source mappings describe a stream also where they subscribe to it.
      Action   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      Resource = compact([try(function.stream.stream_arn, null)])
    },
    {
      Sid      = "Subscribe"
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
      Resource = compact([try(function.stream.consumer_arn, null)])
    },
    {
      Sid      = "SetAside"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [for id, queue in aws_sqs_queue.failed : queue.arn if id == name]
    },
    {
      Sid      = "WriteStreams"
      Effect   = "Allow"
      Action   = ["kinesis:PutRecord", "kinesis:PutRecords"]
      Resource = function.access.write_streams
    },
    {
      Sid      = "WriteDeliveryStreams"
      Effect   = "Allow"
      Action   = ["firehose:PutRecordBatch"]
      Resource = function.access.delivery_streams
    },
    {
      Sid      = "UseTables"
      Effect   = "Allow"
      Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
      Resource = function.access.tables
    },
    {
      Sid      = "ReadObjects"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [for arn in function.access.buckets_read : "${arn}/*"]
    },
    {
      Sid      = "WriteObjects"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = [for arn in function.access.buckets_write : "${arn}/*"]
    },
    {
      Sid      = "Publish"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = function.access.topics
    },
    {
      Sid      = "ReadSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = function.access.secrets
    },
    {
      Sid      = "UseKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = distinct(compact(concat(function.access.keys, [var.kms_key_arn])))
    },
    {
      # Network interfaces have no name before they are made. What AWS's own policy for this allows:
      # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html
      Sid      = "JoinVpc"
      Effect   = "Allow"
      Action   = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"]
      Resource = var.vpc == null ? [] : ["arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.name}:${var.account_id}:*/*"]
    },
    {
      # None of these takes a resource.
      Sid      = "Trace"
      Effect   = "Allow"
      Action   = concat(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], var.vpc == null ? [] : ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"])
      Resource = ["*"]
    },
  ] : s if length(s.Resource) > 0] }

  policies = { for name, statements in local.statements : name => jsonencode({ Version = "2012-10-17", Statement = statements }) }
}

# Lambda's document has no condition here: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
resource "aws_iam_role" "this" {
  for_each             = var.functions
  name                 = "${var.name}-${each.key}"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  # checkov:skip=CKV_AWS_290: tracing and describing take no resource; every other action is limited to ARNs.
  # checkov:skip=CKV_AWS_355: the same as CKV_AWS_290.
  for_each = var.functions
  name     = "run"
  role     = aws_iam_role.this[each.key].id
  policy   = local.policies[each.key]
}

resource "aws_lambda_permission" "firehose" {
  for_each       = { for name, function in var.functions : name => function if function.firehose }
  statement_id   = "Firehose"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this[each.key].function_name
  principal      = "firehose.amazonaws.com"
  source_account = var.account_id
  source_arn     = "arn:${data.aws_partition.current.partition}:firehose:${data.aws_region.current.name}:${var.account_id}:deliverystream/${var.name}-*"
}
