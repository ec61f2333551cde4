# Lambda functions: readers of streams, transformers of Firehose. Their packages are made before.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  from_streams = { for name, function in var.functions : name => function.stream if function.stream != null }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = var.functions
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_117: outside of a VPC a function has nothing in the VPC to reach; it may be put into one.
  # checkov:skip=CKV_AWS_116: batches of streams have their own queue; Firehose tries again itself.
  # checkov:skip=CKV_AWS_115: a limit takes concurrency away from the account's other functions; it may be set.
  # checkov:skip=CKV_AWS_272: code signing needs a signing profile of one's own; it may be given.
  # checkov:skip=CKV_AWS_173: without a key of one's own Lambda encrypts with AWS's, and secrets do not belong there.
  for_each                       = var.functions
  depends_on                     = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
  function_name                  = "${var.name}-${each.key}"
  role                           = aws_iam_role.this[each.key].arn
  handler                        = each.value.handler
  runtime                        = each.value.runtime
  architectures                  = [each.value.architecture]
  memory_size                    = each.value.memory_mib
  timeout                        = each.value.timeout_seconds
  reserved_concurrent_executions = each.value.reserved_concurrency
  filename                       = each.value.package_path
  source_code_hash               = each.value.package_path == null ? null : filebase64sha256(each.value.package_path)
  s3_bucket                      = one(each.value.package[*].bucket)
  s3_key                         = one(each.value.package[*].key)
  s3_object_version              = one(each.value.package[*].object_version)
  kms_key_arn                    = var.kms_key_arn
  code_signing_config_arn        = var.code_signing_config_arn
  tags                           = var.tags

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this[each.key].name
  }

  dynamic "environment" {
    for_each = length(each.value.environment) == 0 ? [] : [each.value.environment]

    content {
      variables = environment.value
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }
}

resource "aws_sqs_queue" "failed" {
  for_each                  = local.from_streams
  name                      = "${var.name}-${each.key}-failed"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
  tags                      = var.tags
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each                           = local.from_streams
  depends_on                         = [aws_iam_role_policy.this]
  event_source_arn                   = coalesce(each.value.consumer_arn, each.value.stream_arn)
  function_name                      = aws_lambda_function.this[each.key].arn
  starting_position                  = each.value.starting_position
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.batch_window_seconds
  parallelization_factor             = each.value.parallel_per_shard
  maximum_retry_attempts             = each.value.max_attempts
  maximum_record_age_in_seconds      = each.value.max_record_age_seconds
  # One bad record must not take its neighbours along.
  bisect_batch_on_function_error = true
  function_response_types        = ["ReportBatchItemFailures"]
  kms_key_arn                    = length(each.value.filters) == 0 ? null : var.kms_key_arn
  tags                           = var.tags

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failed[each.key].arn
    }
  }

  dynamic "filter_criteria" {
    for_each = length(each.value.filters) == 0 ? [] : [each.value.filters]

    content {
      dynamic "filter" {
        for_each = filter_criteria.value

        content {
          pattern = filter.value
        }
      }
    }
  }
}
