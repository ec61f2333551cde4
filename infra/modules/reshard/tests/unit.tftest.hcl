mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name         = "etl-test"
  kms_key_arn  = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  package_path = "tests/empty.zip"
  streams = {
    raw = {
      arn        = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw"
      name       = "etl-test-raw"
      min_shards = 1
      max_shards = 8
      consumers  = ["enricher"]
    }
    enriched = {
      arn        = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched"
      name       = "etl-test-enriched"
      min_shards = 2
      max_shards = 16
    }
  }
}

run "function_knows_its_streams" {
  assert {
    condition = jsondecode(aws_lambda_function.this.environment[0].variables.RESHARD_STREAMS) == [
      { name = "etl-test-enriched", min_shards = 2, max_shards = 16, consumers = [] },
      { name = "etl-test-raw", min_shards = 1, max_shards = 8, consumers = ["enricher"] },
    ]
    error_message = "RESHARD_STREAMS lists the streams with their limits and consumers."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables.RESHARD_DRY_RUN == "false"
    error_message = "It acts, unless dry_run is set."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 1
    error_message = "One run at a time."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule.schedule_expression == "rate(5 minutes)"
    error_message = "It runs every five minutes."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this.maximum_retry_attempts == 0
    error_message = "A failed run is not repeated."
  }
}

run "a_new_account_has_nothing_to_reserve" {
  command = plan

  variables {
    reserve_concurrency = false
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "AWS refuses to reserve of the last ten."
  }
}

run "role_may_do_exactly_this" {
  assert {
    condition = toset(flatten([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Action])) == toset([
      "kinesis:DescribeStreamSummary", "kinesis:UpdateShardCount", "cloudwatch:GetMetricData",
      "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem", "kms:Decrypt",
      "logs:CreateLogStream", "logs:PutLogEvents",
    ])
    error_message = "The role has the actions that the code calls and no other."
  }

  assert {
    condition = toset(one([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if s.Sid == "Streams"])) == toset([
      "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw",
      "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched",
    ])
    error_message = "It changes the named streams and no other."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Sid if contains(s.Resource, "*")] == ["Metrics"]
    error_message = "Only GetMetricData, which knows no resources, is allowed on all."
  }
}

run "ledger_is_kept_and_encrypted" {
  assert {
    condition     = aws_dynamodb_table.ledger.hash_key == "stream_name" && aws_dynamodb_table.ledger.range_key == "changed_at"
    error_message = "The keys are those of functions/reshard/src/reshard/ledger.py."
  }

  assert {
    condition     = aws_dynamodb_table.ledger.ttl[0].attribute_name == "expires_at" && aws_dynamodb_table.ledger.server_side_encryption[0].kms_key_arn == var.kms_key_arn
    error_message = "Entries expire, and lie encrypted with the given key."
  }
}

run "alarms_for_each_stream" {
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.stream) == 6 && length(output.alarm_arns) == 8
    error_message = "Three alarms a stream, and two for the function."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.stream["raw-hot-shard"].evaluation_periods == 3 && aws_cloudwatch_metric_alarm.stream["raw-hot-shard"].period == 300
    error_message = "Fifteen minutes in runs of five."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.silent.treat_missing_data == "breaching"
    error_message = "A function that does not run is noticed by its silence."
  }
}

run "slow_schedule_keeps_one_period" {
  variables {
    schedule_minutes = 30
    dry_run          = true
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.stream["raw-at-cap"].evaluation_periods == 1 && aws_cloudwatch_metric_alarm.stream["raw-at-cap"].period == 1800
    error_message = "One run of half an hour is enough."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables.RESHARD_DRY_RUN == "true"
    error_message = "dry_run reaches the function."
  }
}

run "refuses_limits_the_wrong_way_round" {
  command = plan

  variables {
    streams = {
      raw = { arn = "arn:aws:kinesis:us-east-1:123456789012:stream/raw", name = "raw", min_shards = 4, max_shards = 2 }
    }
  }

  expect_failures = [var.streams]
}

run "refuses_parts_of_shards" {
  command = plan

  variables {
    streams = {
      raw = { arn = "arn:aws:kinesis:us-east-1:123456789012:stream/raw", name = "raw", min_shards = 1.5, max_shards = 2 }
    }
  }

  expect_failures = [var.streams]
}

run "refuses_a_minute_schedule" {
  command = plan

  variables {
    schedule_minutes = 1
  }

  expect_failures = [var.schedule_minutes]
}

run "refuses_a_folder_as_package" {
  command = plan

  variables {
    package_path = "tests"
  }

  expect_failures = [var.package_path]
}
