# A function that sends one event through the ingest API every few minutes, as any sender does, and tells how it went.

locals {
  canaries      = var.canary == null ? {} : { canary = var.canary }
  function_name = "${var.name}-canary"
}

resource "aws_cloudwatch_log_group" "canary" {
  for_each = local.canaries

  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = each.value.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "canary" {
  for_each = local.canaries

  name = local.function_name
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "canary" {
  for_each = local.canaries

  name = "canary"
  role = aws_iam_role.canary[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.name}:${var.account_id}:log-group:/aws/lambda/${local.function_name}:*"
        },
        {
          Sid      = "ReadApiKey"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = each.value.api_key_secret_arn
        },
      ],
      each.value.api_key_secret_kms_key_arn == null ? [] : [
        {
          Sid       = "DecryptApiKey"
          Effect    = "Allow"
          Action    = "kms:Decrypt"
          Resource  = each.value.api_key_secret_kms_key_arn
          Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${data.aws_region.current.name}.amazonaws.com" } }
        },
      ],
      # Network interfaces have no ARN before they are made, and describing takes no resource.
      each.value.vpc == null ? [] : [
        {
          Sid      = "JoinVpc"
          Effect   = "Allow"
          Action   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
          Resource = "arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.name}:${var.account_id}:*/*"
        },
        {
          Sid      = "SeeVpc"
          Effect   = "Allow"
          Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
          Resource = "*"
        },
      ],
    )
  })
}

resource "aws_lambda_function" "canary" {
  # checkov:skip=CKV_AWS_116: it is called by a schedule; a run that failed is followed by the next, and an alarm tells.
  # checkov:skip=CKV_AWS_272: code signing needs a signing profile of one's own; the zip is made of this repository and known by its hash.
  # checkov:skip=CKV_AWS_50: one call a run, told by its log and metrics; tracing would add a permission and a price.
  # checkov:skip=CKV_AWS_173: without a key of one's own Lambda encrypts with AWS's; the variables hold addresses and an ARN.
  for_each = local.canaries

  function_name    = local.function_name
  description      = "Sends an event through the ingest API and tells CanarySuccess and CanarySeconds"
  role             = aws_iam_role.canary[each.key].arn
  filename         = each.value.package_path
  source_code_hash = filebase64sha256(each.value.package_path)
  handler          = "canary.handler.handle"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  memory_size      = 128
  timeout          = 30

  # Two at once mean that one hangs; more would only add to an outage. -1 reserves nothing.
  reserved_concurrent_executions = each.value.reserve_concurrency ? 2 : -1

  environment {
    variables = {
      CANARY_INGEST_URL       = each.value.ingest_url
      CANARY_API_KEY_SECRET   = each.value.api_key_secret_arn
      CANARY_METRIC_NAMESPACE = var.metric_namespace
    }
  }

  dynamic "vpc_config" {
    for_each = each.value.vpc == null ? [] : [each.value.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tags = var.tags

  depends_on = [aws_iam_role_policy.canary, aws_cloudwatch_log_group.canary]
}

resource "aws_cloudwatch_event_rule" "canary" {
  for_each = local.canaries

  name                = local.function_name
  description         = "Starts the canary"
  schedule_expression = each.value.rate_minutes == 1 ? "rate(1 minute)" : "rate(${each.value.rate_minutes} minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "canary" {
  for_each = local.canaries

  rule = aws_cloudwatch_event_rule.canary[each.key].name
  arn  = aws_lambda_function.canary[each.key].arn

  # A run that comes late tells of the wrong moment.
  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 0
  }
}

resource "aws_lambda_permission" "canary" {
  for_each = local.canaries

  statement_id  = "StartedByItsRule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.canary[each.key].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.canary[each.key].arn
}

resource "aws_lambda_function_event_invoke_config" "canary" {
  for_each = local.canaries

  function_name                = aws_lambda_function.canary[each.key].function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
