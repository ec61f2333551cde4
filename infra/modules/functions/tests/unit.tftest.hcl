mock_provider "aws" {
  source = "../../tests/mocks"
}

# Any file stands for a package here: the mocked provider does not open it.
variables {
  name       = "etl-test"
  account_id = "123456789012"
  functions = {
    transform = {
      package  = { bucket = "artefacts", key = "transform.zip", object_version = "3" }
      handler  = "transform.handler"
      firehose = true
    }
    reader = {
      package_path = "versions.tf"
      handler      = "reader.handler"
      environment  = { STREAM = "etl-test-late" }
      stream       = { stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw", consumer_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw/consumer/reader:1" }
      access       = { write_streams = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-late"] }
    }
  }
}

run "functions" {
  # Code comes from S3 or from a file; a stream is read by fan-out with partial answers; failures have a queue.
  command = apply

  assert {
    condition     = output.function_names == { transform = "etl-test-transform", reader = "etl-test-reader" }
    error_message = "names differ"
  }

  assert {
    condition     = aws_lambda_function.this["transform"].s3_object_version == "3" && aws_lambda_function.this["transform"].filename == null && aws_lambda_function.this["reader"].source_code_hash == filebase64sha256("versions.tf")
    error_message = "the packages differ"
  }

  assert {
    condition     = keys(aws_lambda_event_source_mapping.this) == ["reader"] && aws_lambda_event_source_mapping.this["reader"].event_source_arn == "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw/consumer/reader:1"
    error_message = "the stream is not read by fan-out"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this["reader"].function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.this["reader"].bisect_batch_on_function_error && aws_lambda_event_source_mapping.this["reader"].maximum_retry_attempts == 5
    error_message = "one bad record would hold up a shard"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this["reader"].destination_config[0].on_failure[0].destination_arn == output.queue_arns["reader"] && aws_sqs_queue.failed["reader"].message_retention_seconds == 1209600 && aws_sqs_queue.failed["reader"].sqs_managed_sse_enabled
    error_message = "failed batches are lost"
  }

  assert {
    condition     = keys(aws_lambda_permission.firehose) == ["transform"] && aws_lambda_permission.firehose["transform"].source_arn == "arn:aws:firehose:us-east-1:123456789012:deliverystream/etl-test-*"
    error_message = "Firehose may not call its function, or may call another"
  }
}

run "least_privilege" {
  # A function without stream or access may write its log and traces, nothing else.
  command = apply

  assert {
    condition     = [for s in jsondecode(output.role_policies["transform"]).Statement : s.Sid] == ["WriteLog", "Trace"]
    error_message = "the transformer may do something else"
  }

  assert {
    condition     = [for s in jsondecode(output.role_policies["reader"]).Statement : s.Sid] == ["WriteLog", "Poll", "Subscribe", "SetAside", "WriteStreams", "Trace"]
    error_message = "the reader may do something else"
  }

  assert {
    condition     = alltrue([for policy in output.role_policies : alltrue([for s in jsondecode(policy).Statement : s.Sid == "Trace" || !contains(s.Resource, "*")])])
    error_message = "a resource is a wildcard without a reason"
  }
}

run "polling_in_a_vpc_with_a_key" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    vpc         = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    functions = {
      reader = {
        package_path = "versions.tf"
        handler      = "reader.handler"
        stream       = { stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw", filters = ["{\"data\":{\"type\":[\"log\"]}}"] }
        access       = { buckets_read = ["arn:aws:s3:::in"], buckets_write = ["arn:aws:s3:::out"], tables = ["arn:aws:dynamodb:us-east-1:123456789012:table/t"], topics = ["arn:aws:sns:us-east-1:123456789012:t"], secrets = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:s"], delivery_streams = ["arn:aws:firehose:us-east-1:123456789012:deliverystream/d"] }
      }
    }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this["reader"].event_source_arn == "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw" && one(one(aws_lambda_event_source_mapping.this["reader"].filter_criteria).filter).pattern == "{\"data\":{\"type\":[\"log\"]}}"
    error_message = "the stream is not polled, or not filtered"
  }

  assert {
    condition     = { for s in jsondecode(output.role_policies["reader"]).Statement : s.Sid => s.Resource if contains(["ReadObjects", "WriteObjects", "UseKeys", "UseTables"], s.Sid) } == { ReadObjects = ["arn:aws:s3:::in/*"], WriteObjects = ["arn:aws:s3:::out/*"], UseKeys = ["arn:aws:kms:us-east-1:123456789012:key/1"], UseTables = ["arn:aws:dynamodb:us-east-1:123456789012:table/t"] }
    error_message = "access differs"
  }

  assert {
    # AWSLambdaVPCAccessExecutionRole, version 3.
    condition     = toset(flatten([for s in jsondecode(output.role_policies["reader"]).Statement : s.Action if contains(["JoinVpc", "Trace"], s.Sid)])) == toset(["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses", "xray:PutTelemetryRecords", "xray:PutTraceSegments"])
    error_message = "Lambda could not join the VPC"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this["reader"].assume_role_policy).Statement == [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
    error_message = "Lambda could not assume the role, whose condition it does not promise to meet, or another service could"
  }

  assert {
    condition     = aws_lambda_function.this["reader"].vpc_config[0].subnet_ids == toset(["subnet-1"]) && aws_sqs_queue.failed["reader"].kms_master_key_id == var.kms_key_arn
    error_message = "the VPC or the key is not used"
  }
}

run "refuses_no_code" {
  command = plan

  variables {
    functions = { f = { handler = "h" } }
  }

  expect_failures = [var.functions]
}

run "refuses_slow_transformers" {
  command = plan

  variables {
    functions = { f = { handler = "h", package = { bucket = "b", key = "k" }, firehose = true, timeout_seconds = 301 } }
  }

  expect_failures = [var.functions]
}

run "refuses_endless_retries" {
  # By default Lambda tries a failing batch until it expires, and the shard stands still.
  command = plan

  variables {
    functions = { f = { handler = "h", package = { bucket = "b", key = "k" }, stream = { stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s", max_attempts = -1 } } }
  }

  expect_failures = [var.functions]
}

run "refuses_other_processors" {
  command = plan

  variables {
    functions = { f = { handler = "h", package = { bucket = "b", key = "k" }, architecture = "riscv" } }
  }

  expect_failures = [var.functions]
}

run "refuses_other_sizes" {
  command = plan

  variables {
    functions = { f = { handler = "h", package = { bucket = "b", key = "k" }, memory_mib = 64 } }
  }

  expect_failures = [var.functions]
}

run "refuses_large_batches" {
  command = plan

  variables {
    functions = { f = { handler = "h", package = { bucket = "b", key = "k" }, stream = { stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s", batch_size = 10001 } } }
  }

  expect_failures = [var.functions]
}

run "refuses_many_readers_of_a_shard" {
  command = plan

  variables {
    functions = { f = { handler = "h", package = { bucket = "b", key = "k" }, stream = { stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s", parallel_per_shard = 11 } } }
  }

  expect_failures = [var.functions]
}

run "refuses_other_starts" {
  command = plan

  variables {
    functions = { f = { handler = "h", package = { bucket = "b", key = "k" }, stream = { stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s", starting_position = "NOW" } } }
  }

  expect_failures = [var.functions]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name               = "E"
    account_id         = "1"
    kms_key_arn        = "mine"
    log_kms_key_arn    = "mine"
    log_retention_days = 2
    functions          = { "F F" = { handler = "h", package = { bucket = "b", key = "k" } } }
  }

  expect_failures = [var.name, var.account_id, var.kms_key_arn, var.log_kms_key_arn, var.log_retention_days, var.functions]
}
