mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "etl-test"
  account_id  = "123456789012"
  bucket_arns = { archive = "arn:aws:s3:::etl-test-archive" }
  table_arns  = { aggregator-state = "arn:aws:dynamodb:us-east-1:123456789012:table/etl-test-aggregator-state" }
  stream_arns = { raw = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw" }
}

run "records_objects_items_and_records" {
  assert {
    condition = [for selector in aws_cloudtrail.this.advanced_event_selector : one([for field in selector.field_selector : one(field.equals) if field.field == "resources.type"])] == [
      "AWS::Kinesis::StreamConsumer", "AWS::S3::Object", "AWS::Kinesis::Stream", "AWS::DynamoDB::Table",
    ]
    error_message = "A selector a kind of data."
  }

  assert {
    condition = toset(flatten([for selector in aws_cloudtrail.this.advanced_event_selector : [for field in selector.field_selector : concat(coalesce(field.starts_with, []), coalesce(field.equals, [])) if field.field == "resources.ARN"]])) == toset([
      "arn:aws:s3:::etl-test-archive/",
      "arn:aws:dynamodb:us-east-1:123456789012:table/etl-test-aggregator-state",
      "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw",
      "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw/consumer/",
    ])
    error_message = "The named buckets, tables and streams, and no other of the account."
  }

  assert {
    condition     = alltrue([for selector in aws_cloudtrail.this.advanced_event_selector : one([for field in selector.field_selector : one(field.equals) if field.field == "eventCategory"]) == "Data"])
    error_message = "Management events are in the account's own trail, and billed in a second one."
  }

  assert {
    condition     = aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.include_global_service_events
    error_message = "AWS refuses a trail of all regions without global events."
  }

  assert {
    condition     = aws_cloudtrail.this.enable_log_file_validation && aws_cloudtrail.this.kms_key_id == aws_kms_key.this.arn
    error_message = "Files are signed, and encrypted with the trail's own key."
  }
}

run "only_the_trail_writes" {
  assert {
    condition = alltrue([
      for statement in jsondecode(module.bucket.policy).Statement :
      statement.Principal == { Service = "cloudtrail.amazonaws.com" } && statement.Condition.StringEquals["aws:SourceArn"] == "arn:aws:cloudtrail:us-east-1:123456789012:trail/etl-test-audit"
      if statement.Effect == "Allow"
    ])
    error_message = "Nobody but this trail is let into the bucket."
  }

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Action if statement.Sid == "TrailEncrypts"] == [["kms:DescribeKey", "kms:GenerateDataKey*"]]
    error_message = "The trail encrypts, and cannot decrypt."
  }

  assert {
    condition     = length(aws_iam_role.logs) == 0 && output.log_group_name == null
    error_message = "Without a log group no role is made."
  }
}

run "leaves_the_services_own_calls_out" {
  variables {
    except_roles = ["etl-test-enricher-task", "etl-test-delivery"]
  }

  assert {
    condition = alltrue([for selector in aws_cloudtrail.this.advanced_event_selector : one([for field in selector.field_selector : field.not_starts_with if field.field == "userIdentity.arn"]) == tolist([
      "arn:aws:sts::123456789012:assumed-role/etl-test-delivery/",
      "arn:aws:sts::123456789012:assumed-role/etl-test-enricher-task/",
    ])])
    error_message = "Sessions of the excepted roles, whole names of roles, in every selector."
  }
}

run "with_log_group_lock_and_management_events" {
  variables {
    log_group_days    = 30
    log_kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    management_events = true
    object_lock       = { mode = "COMPLIANCE", days = 365 }
    retention_days    = 400
  }

  assert {
    condition     = length(aws_cloudtrail.this.advanced_event_selector) == 5
    error_message = "Management events are a selector more."
  }

  assert {
    condition     = one(jsondecode(aws_iam_role_policy.logs[0].policy).Statement).Resource == "${aws_cloudwatch_log_group.this[0].arn}:log-stream:123456789012_CloudTrail_us-east-1*"
    error_message = "CloudTrail writes its own log streams of this group alone."
  }
}

run "refuses_to_record_nothing" {
  command = plan

  variables {
    bucket_arns = {}
    table_arns  = {}
    stream_arns = {}
  }

  expect_failures = [var.stream_arns]
}

run "refuses_a_lock_longer_than_the_files_are_kept" {
  command = plan

  variables {
    object_lock    = { mode = "GOVERNANCE", days = 400 }
    retention_days = 365
  }

  expect_failures = [var.retention_days]
}

run "refuses_an_arn_for_a_role" {
  command = plan

  variables {
    except_roles = ["arn:aws:iam::123456789012:role/etl-test-enricher-task"]
  }

  expect_failures = [var.except_roles]
}
