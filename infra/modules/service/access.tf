# The task role: exact actions on exact ARNs. docs/security.md lists which call of the code each one stands for.
locals {
  region = data.aws_region.current.name

  statements = {
    ReadStreams = {
      actions   = ["kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      resources = var.access.read_streams
    }
    # The consumer is looked up by its stream's ARN and its own name, so IAM asks for the stream too.
    FindConsumers = {
      actions   = ["kinesis:DescribeStreamConsumer"]
      resources = length(var.access.read_consumers) > 0 ? concat(local.fan_out_streams, var.access.read_consumers) : []
    }
    ReadConsumers = {
      actions   = ["kinesis:SubscribeToShard"]
      resources = var.access.read_consumers
    }
    ListStreams = {
      actions   = ["kinesis:ListShards"]
      resources = var.access.list_streams
    }
    WriteStreams = {
      actions   = ["kinesis:PutRecords"]
      resources = var.access.write_streams
    }
    Deliver = {
      actions   = ["firehose:PutRecordBatch"]
      resources = var.access.delivery_streams
    }
    Leases = {
      actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem"]
      resources = var.access.lease_tables
    }
    State = {
      actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
      resources = var.access.state_tables
    }
    ScanTables = {
      actions   = ["dynamodb:Scan"]
      resources = var.access.scan_tables
    }
    GetObjects = {
      actions   = ["s3:GetObject"]
      resources = [for object in var.access.objects : "${object.bucket_arn}/${object.prefix}*" if object.get]
    }
    PutObjects = {
      actions   = ["s3:PutObject"]
      resources = [for object in var.access.objects : "${object.bucket_arn}/${object.prefix}*" if object.put]
    }
    DeleteObjects = {
      actions   = ["s3:DeleteObject"]
      resources = [for object in var.access.objects : "${object.bucket_arn}/${object.prefix}*" if object.delete]
    }
    # The domain's own roles say to which indices. https://docs.aws.amazon.com/opensearch-service/latest/developerguide/ac.html
    Search = {
      actions   = ["es:ESHttpGet", "es:ESHttpPost"]
      resources = [for domain in var.access.search_domains : "${domain.arn}/*"]
    }
    ChangeSearch = {
      actions   = ["es:ESHttpPut"]
      resources = [for domain in var.access.search_domains : "${domain.arn}/*" if domain.put]
    }
    Publish = {
      actions   = ["sns:Publish"]
      resources = var.access.topics
    }
    FollowSecrets = {
      actions   = ["secretsmanager:GetSecretValue"]
      resources = var.access.secrets
    }
  }

  fan_out_streams = [
    for stream in var.access.read_streams : stream
    if anytrue([for consumer in var.access.read_consumers : startswith(consumer, "${stream}/consumer/")])
  ]

  plain_statements = [
    for sid, statement in local.statements : {
      Sid      = sid
      Effect   = "Allow"
      Action   = statement.actions
      Resource = sort(distinct(statement.resources))
    } if length(statement.resources) > 0
  ]

  # S3 tells a missing object from a forbidden one by this action, and then without a prefix.
  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
  list_statements = [
    for index, object in [for object in var.access.objects : object if object.list] : merge(
      {
        Sid      = "ListObjects${index}"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [object.bucket_arn]
      },
      object.whole ? {} : { Condition = { StringLike = { "s3:prefix" = "${object.prefix}*" } } },
    )
  ]

  key_statements = [
    for index, key in var.access.keys : {
      Sid       = "Keys${index}"
      Effect    = "Allow"
      Action    = concat(key.decrypt ? ["kms:Decrypt"] : [], key.encrypt ? ["kms:GenerateDataKey"] : [])
      Resource  = [key.arn]
      Condition = { StringEquals = { "kms:ViaService" = [for service in key.via : "${service}.${local.region}.amazonaws.com"] } }
    } if key.encrypt || key.decrypt
  ]

  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html: the agent in the container opens the session,
  # writes its log and decrypts it, all as the task. What opens it, and finding the log group, take no resource.
  exec_statements = [for statement in [
    {
      Sid    = "Exec"
      Effect = "Allow"
      Action = [
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ]
      Resource = ["*"]
    },
    {
      Sid      = "ExecFindLog"
      Effect   = "Allow"
      Action   = ["logs:DescribeLogGroups"]
      Resource = ["*"]
    },
    {
      Sid      = "ExecLog"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = [for audit in local.exec_audits : "${audit.log_group_arn}:*"]
    },
    {
      Sid      = "ExecKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [for audit in local.exec_audits : audit.kms_key_arn if audit.kms_key_arn != null]
    },
  ] : statement if contains(local.exec_sids, statement.Sid)]
  exec_audits = var.exec && var.exec_audit != null ? [var.exec_audit] : []
  exec_sids = concat(
    var.exec ? ["Exec"] : [],
    length(local.exec_audits) > 0 ? ["ExecFindLog", "ExecLog"] : [],
    length([for audit in local.exec_audits : true if audit.encrypted]) > 0 ? ["ExecKey"] : [],
  )

  # Through JSON, since statements with and without a condition are of different types.
  task_statements = flatten([
    jsondecode(jsonencode(local.plain_statements)), jsondecode(jsonencode(local.list_statements)),
    jsondecode(jsonencode(local.key_statements)), jsondecode(jsonencode(local.exec_statements)),
  ])
  # By the arguments' lengths: ARNs are not known before they are made, and so not the statements.
  has_access = var.exec || sum([
    for list in [
      var.access.read_streams, var.access.list_streams, var.access.write_streams, var.access.delivery_streams,
      var.access.lease_tables, var.access.state_tables, var.access.scan_tables, var.access.topics, var.access.secrets,
      var.access.objects[*].bucket_arn, var.access.keys[*].arn, var.access.search_domains[*].arn,
    ] : length(list)
  ]) > 0
  task_policy = jsonencode({ Version = "2012-10-17", Statement = local.task_statements })

  trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:ecs:${local.region}:${var.account_id}:*" }
      }
    }]
  })
}

resource "aws_iam_role" "task" {
  name                 = "${local.service_name}-task"
  description          = "What ${local.service_name} itself may do"
  assume_role_policy   = local.trust_policy
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "task" {
  count = local.has_access ? 1 : 0

  name   = "access"
  role   = aws_iam_role.task.id
  policy = local.task_policy
}
