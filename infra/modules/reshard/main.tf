# A Lambda every few minutes that reads a stream's bytes, records, throttles and lag, and calls UpdateShardCount.
locals {
  function_name = "${var.name}-reshard"
  namespace     = "StreamingETL/${var.name}/Reshard"
  streams       = [for logical in sort(keys(var.streams)) : var.streams[logical]]
}

resource "aws_dynamodb_table" "ledger" {
  name         = "${local.function_name}-ledger"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "stream_name"
  range_key    = "changed_at"
  tags         = var.tags

  attribute {
    name = "stream_name"
    type = "S"
  }

  attribute {
    name = "changed_at"
    type = "N"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_116: it is called by a schedule; a run that failed is followed by the next, and an alarm tells.
  # checkov:skip=CKV_AWS_272: code signing needs a signing profile of one's own; the zip is made of this repository and known by its hash.
  # checkov:skip=CKV_AWS_50: one call a run, told by its log and metrics; tracing would add a permission and a price.
  # checkov:skip=CKV_AWS_117: it calls AWS's own endpoints and nothing in the VPC.
  function_name    = local.function_name
  description      = "Keeps the shards of provisioned streams in step with what is written to them."
  role             = aws_iam_role.this.arn
  runtime          = "python3.12"
  architectures    = ["arm64"]
  handler          = "reshard.handler.handler"
  filename         = var.package_path
  source_code_hash = filebase64sha256(var.package_path)
  memory_size      = 256
  timeout          = 60
  kms_key_arn      = var.kms_key_arn
  # Two runs at once would both count the same changes of the day. -1 reserves nothing: then Kinesis refuses the second.
  reserved_concurrent_executions = var.reserve_concurrency ? 1 : -1
  tags                           = var.tags

  environment {
    variables = {
      RESHARD_STREAMS = jsonencode([
        for stream in local.streams : {
          name       = stream.name
          min_shards = stream.min_shards
          max_shards = stream.max_shards
          consumers  = stream.consumers
        }
      ])
      RESHARD_LEDGER_TABLE      = aws_dynamodb_table.ledger.name
      RESHARD_DRY_RUN           = tostring(var.dry_run)
      RESHARD_METRICS_NAMESPACE = local.namespace
    }
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  depends_on = [aws_iam_role_policy.this]
}

# A run that failed is followed by the next; a repeat would only count a change twice.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_cloudwatch_event_rule" "schedule" {
  name                = local.function_name
  description         = "Runs ${local.function_name}."
  schedule_expression = "rate(${var.schedule_minutes} minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "function" {
  rule = aws_cloudwatch_event_rule.schedule.name
  arn  = aws_lambda_function.this.arn
}

resource "aws_lambda_permission" "schedule" {
  statement_id  = "schedule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.schedule.arn
}
