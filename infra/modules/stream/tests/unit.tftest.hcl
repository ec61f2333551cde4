mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "etl-test"
  streams = {
    raw      = { consumers = ["enricher"] }
    enriched = { mode = "autoscaled", shards = 4, retention_hours = 48, consumers = ["aggregator", "indexer"] }
    late     = { mode = "provisioned", shards = 1, shard_level_metrics = ["IncomingBytes"] }
  }
}

run "three_modes" {
  # Each stream is made by the resource of its mode, once, encrypted, under its name.
  command = apply

  assert {
    condition     = keys(aws_kinesis_stream.on_demand) == ["raw"] && keys(aws_kinesis_stream.autoscaled) == ["enriched"] && keys(aws_kinesis_stream.provisioned) == ["late"]
    error_message = "a stream is in the wrong resource"
  }

  assert {
    condition     = output.stream_names == { raw = "etl-test-raw", enriched = "etl-test-enriched", late = "etl-test-late" }
    error_message = "names differ"
  }

  assert {
    condition     = aws_kinesis_stream.on_demand["raw"].stream_mode_details[0].stream_mode == "ON_DEMAND" && aws_kinesis_stream.on_demand["raw"].shard_count == null
    error_message = "AWS refuses a number of shards for an on-demand stream"
  }

  assert {
    condition     = aws_kinesis_stream.autoscaled["enriched"].shard_count == 4 && aws_kinesis_stream.autoscaled["enriched"].stream_mode_details[0].stream_mode == "PROVISIONED" && aws_kinesis_stream.autoscaled["enriched"].retention_period == 48
    error_message = "the autoscaled stream differs"
  }

  assert {
    condition     = aws_kinesis_stream.provisioned["late"].shard_level_metrics == toset(["IncomingBytes"]) && aws_kinesis_stream.provisioned["late"].retention_period == 24
    error_message = "the provisioned stream differs"
  }

  assert {
    condition     = alltrue([for s in concat(values(aws_kinesis_stream.on_demand), values(aws_kinesis_stream.provisioned), values(aws_kinesis_stream.autoscaled)) : s.encryption_type == "KMS" && s.kms_key_id == "alias/aws/kinesis"])
    error_message = "a stream is not encrypted"
  }

  assert {
    condition     = output.consumers == { "raw/enricher" = { stream_name = "etl-test-raw", consumer_name = "enricher" }, "enriched/aggregator" = { stream_name = "etl-test-enriched", consumer_name = "aggregator" }, "enriched/indexer" = { stream_name = "etl-test-enriched", consumer_name = "indexer" } }
    error_message = "consumers differ"
  }

  assert {
    condition     = "${output.streams.raw.name} ${output.streams.raw.arn}" == "etl-test-raw arn:aws:kinesis:us-east-1:123456789012:stream/mocked" && output.streams.raw.kms_key_arn == null
    error_message = "what other modules take differs"
  }
}

run "resharded_outside" {
  # A number of shards that changes in the configuration changes a provisioned stream, and never an autoscaled one.
  command = plan

  variables {
    streams = {
      raw      = { consumers = ["enricher"] }
      enriched = { mode = "autoscaled", shards = 9, retention_hours = 48, consumers = ["aggregator", "indexer"] }
      late     = { mode = "provisioned", shards = 2, shard_level_metrics = ["IncomingBytes"] }
    }
  }

  assert {
    condition     = aws_kinesis_stream.autoscaled["enriched"].shard_count == 4 && aws_kinesis_stream.provisioned["late"].shard_count == 2
    error_message = "Terraform would undo the resharding function's work"
  }
}

run "own_key" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  assert {
    condition     = aws_kinesis_stream.on_demand["raw"].kms_key_id == var.kms_key_arn && output.streams.raw.kms_key_arn == var.kms_key_arn
    error_message = "the key is not used"
  }
}

run "twenty_consumers_are_the_most" {
  # The twenty-first enhanced fan-out consumer of a stream would fail at apply: it is refused at plan.
  command = plan

  variables {
    streams = { raw = { consumers = ["c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "c11", "c12", "c13", "c14", "c15", "c16", "c17", "c18", "c19", "c20", "c21"] } }
  }

  expect_failures = [var.streams]
}

run "twenty_consumers_are_allowed" {
  command = apply

  variables {
    streams = { raw = { consumers = ["c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "c11", "c12", "c13", "c14", "c15", "c16", "c17", "c18", "c19", "c20"] } }
  }

  assert {
    condition     = length(aws_kinesis_stream_consumer.this) == 20
    error_message = "twenty are allowed"
  }
}

run "refuses_unknown_mode" {
  command = plan

  variables {
    streams = { raw = { mode = "elastic" } }
  }

  expect_failures = [var.streams]
}

run "refuses_shards_on_demand" {
  command = plan

  variables {
    streams = { raw = { shards = 2 } }
  }

  expect_failures = [var.streams]
}

run "refuses_provisioned_without_shards" {
  command = plan

  variables {
    streams = { raw = { mode = "provisioned" } }
  }

  expect_failures = [var.streams]
}

run "refuses_no_shards" {
  command = plan

  variables {
    streams = { raw = { mode = "provisioned", shards = 0 } }
  }

  expect_failures = [var.streams]
}

run "refuses_short_retention" {
  command = plan

  variables {
    streams = { raw = { retention_hours = 12 } }
  }

  expect_failures = [var.streams]
}

run "refuses_unknown_metric" {
  command = plan

  variables {
    streams = { raw = { shard_level_metrics = ["Bytes"] } }
  }

  expect_failures = [var.streams]
}

run "refuses_bad_consumer_names" {
  command = plan

  variables {
    streams = { raw = { consumers = ["two words"] } }
  }

  expect_failures = [var.streams]
}

run "refuses_bad_stream_names" {
  command = plan

  variables {
    streams = { "Dead Letters" = {} }
  }

  expect_failures = [var.streams]
}

run "refuses_bad_name_and_key" {
  command = plan

  variables {
    name        = "X"
    kms_key_arn = "alias/mine"
  }

  expect_failures = [var.name, var.kms_key_arn]
}
