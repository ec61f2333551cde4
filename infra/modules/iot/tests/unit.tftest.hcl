mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name         = "etl-test"
  account_id   = "123456789012"
  stream       = { name = "etl-test-raw", arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw" }
  error_bucket = { name = "archive", arn = "arn:aws:s3:::archive" }
}

run "rule" {
  # A message goes into the stream under its device's key, with the members that the enricher knows telemetry by.
  command = apply

  assert {
    condition     = output.sql == "SELECT *, topic(2) AS device_id, topic() AS topic FROM 'devices/+/telemetry'" && output.rule_name == "etl_test_telemetry"
    error_message = "the rule differs"
  }

  assert {
    condition     = one(aws_iot_topic_rule.this.kinesis).stream_name == "etl-test-raw" && one(aws_iot_topic_rule.this.kinesis).partition_key == "$${topic(2)}"
    error_message = "messages of a device would lose their order"
  }

  assert {
    condition     = startswith(aws_iot_topic_rule.this.error_action[0].s3[0].key, "errors/iot/") && aws_iot_topic_rule.this.error_action[0].s3[0].bucket_name == "archive"
    error_message = "what Kinesis does not take would be lost"
  }

  assert {
    condition = { for s in jsondecode(output.role_policy).Statement : s.Action => s.Resource } == {
      "kinesis:PutRecord" = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw"
      "s3:PutObject"      = "arn:aws:s3:::archive/errors/iot/*"
    }
    error_message = "the role may do something else"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:iot:us-east-1:123456789012:rule/etl_test_telemetry"
    error_message = "another rule could use the role"
  }
}

run "where_and_keys" {
  command = apply

  variables {
    topic_filter = "plant/+/line/+/data"
    device_level = 4
    where        = "temperature > -50"
    enabled      = false
    stream       = { name = "etl-test-raw", arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
    error_bucket = { name = "archive", arn = "arn:aws:s3:::archive", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/2" }
  }

  assert {
    condition     = output.sql == "SELECT *, topic(4) AS device_id, topic() AS topic FROM 'plant/+/line/+/data' WHERE temperature > -50"
    error_message = "the condition is missing"
  }

  assert {
    condition     = { for s in jsondecode(output.role_policy).Statement : s.Sid => s.Condition.StringEquals["kms:ViaService"] if can(s.Condition) } == { UseStreamKey = "kinesis.us-east-1.amazonaws.com", UseBucketKey = "s3.us-east-1.amazonaws.com" }
    error_message = "the keys are not used through their services"
  }

  assert {
    condition     = !aws_iot_topic_rule.this.enabled
    error_message = "the rule is on"
  }
}

run "refuses_devices_beyond_the_topic" {
  command = plan

  variables {
    device_level = 4
  }

  expect_failures = [var.device_level]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name         = "E"
    account_id   = "1"
    topic_filter = "$aws/things/x'y"
    stream       = { name = "raw", arn = "raw" }
    error_bucket = { name = "archive", arn = "archive" }
  }

  expect_failures = [var.name, var.account_id, var.topic_filter, var.stream, var.error_bucket]
}
