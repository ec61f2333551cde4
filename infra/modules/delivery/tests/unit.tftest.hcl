mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name          = "etl-test"
  account_id    = "123456789012"
  bucket_arn    = "arn:aws:s3:::archive"
  glue_database = "etl_test"
  delivery_streams = {
    enriched     = { glue_table = "enriched" }
    dead-letters = { format = "json", buffer_mib = 5, buffer_seconds = 60 }
  }
}

run "parquet_and_lines" {
  # Events become Parquet by their table; dead letters stay the lines they are; both under the hour they came in.
  command = apply

  assert {
    condition     = output.delivery_stream_names == { enriched = "etl-test-enriched", dead-letters = "etl-test-dead-letters" }
    error_message = "names differ"
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].prefix == "enriched/!{timestamp:yyyy/MM/dd/HH}/" && aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].error_output_prefix == "errors/enriched/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
    error_message = "prefixes differ from those of the local stack"
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].data_format_conversion_configuration[0].schema_configuration[0].table_name == "enriched" && aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].compression_format == "UNCOMPRESSED" && aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].buffering_size == 64
    error_message = "AWS refuses Parquet this way"
  }

  assert {
    condition     = !aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].data_format_conversion_configuration[0].input_format_configuration[0].deserializer[0].open_x_json_ser_de[0].case_insensitive
    error_message = "the names of payloads' fields would lose their capitals"
  }

  assert {
    condition     = length(aws_kinesis_firehose_delivery_stream.this["dead-letters"].extended_s3_configuration[0].data_format_conversion_configuration) == 0 && aws_kinesis_firehose_delivery_stream.this["dead-letters"].extended_s3_configuration[0].compression_format == "GZIP" && aws_kinesis_firehose_delivery_stream.this["dead-letters"].extended_s3_configuration[0].buffering_size == 5
    error_message = "dead letters differ"
  }

  assert {
    condition     = alltrue([for stream in aws_kinesis_firehose_delivery_stream.this : stream.server_side_encryption[0].enabled && stream.server_side_encryption[0].key_type == "AWS_OWNED_CMK" && stream.extended_s3_configuration[0].cloudwatch_logging_options[0].enabled])
    error_message = "a delivery stream is not encrypted, or does not log"
  }

  assert {
    condition     = !aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].processing_configuration[0].enabled && length(aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].dynamic_partitioning_configuration) == 0
    error_message = "something is processed that nobody asked for"
  }
}

run "least_privilege" {
  # A delivery stream's role writes its own prefixes and reads its own table; one of lines reads no table.
  command = apply

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.this["enriched"].policy).Statement : s.Sid => flatten([s.Resource]) } == {
      FindBucket   = ["arn:aws:s3:::archive"]
      WriteObjects = ["arn:aws:s3:::archive/enriched/*", "arn:aws:s3:::archive/errors/enriched/*"]
      WriteLog     = ["arn:aws:logs:us-east-1:123456789012:log-group:mocked:log-stream:enriched"]
      ReadColumns  = ["arn:aws:glue:us-east-1:123456789012:catalog", "arn:aws:glue:us-east-1:123456789012:database/etl_test", "arn:aws:glue:us-east-1:123456789012:table/etl_test/enriched"]
    }
    error_message = "the role reaches something else"
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this["dead-letters"].policy).Statement : s.Sid] == ["FindBucket", "WriteObjects", "WriteLog"]
    error_message = "the role of lines may do more than write"
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : jsondecode(role.assume_role_policy).Statement == [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "firehose.amazonaws.com" } }]])
    error_message = "Firehose could not assume the role, whose condition it does not promise to meet, or another service could"
  }
}

run "partitioned_and_transformed" {
  # Keys come after the hour; a function sees the records first; its role may call it, in the key's name too.
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    delivery_streams = {
      enriched = {
        glue_table           = "enriched"
        partition_by         = { event_type = ".type", event_tenant = ".tenant" }
        transform_lambda_arn = "arn:aws:lambda:us-east-1:123456789012:function:transform"
        keep_source          = true
      }
    }
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].prefix == "enriched/!{timestamp:yyyy/MM/dd/HH}/event_tenant=!{partitionKeyFromQuery:event_tenant}/event_type=!{partitionKeyFromQuery:event_type}/"
    error_message = "the prefix differs"
  }

  assert {
    condition     = [for p in aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].processing_configuration[0].processors : p.type] == ["MetadataExtraction", "Lambda"]
    error_message = "the processors differ"
  }

  assert {
    condition     = contains([for p in aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].processing_configuration[0].processors[0].parameters : p.parameter_value], "{event_tenant:.tenant,event_type:.type}")
    error_message = "the query differs"
  }

  assert {
    condition     = contains([for p in aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].processing_configuration[0].processors[1].parameters : p.parameter_value], "arn:aws:lambda:us-east-1:123456789012:function:transform:$LATEST")
    error_message = "the function differs"
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].s3_backup_mode == "Enabled" && aws_kinesis_firehose_delivery_stream.this["enriched"].extended_s3_configuration[0].s3_backup_configuration[0].prefix == "source/enriched/!{timestamp:yyyy/MM/dd/HH}/"
    error_message = "the source is not kept"
  }

  assert {
    condition     = { for s in jsondecode(aws_iam_role_policy.this["enriched"].policy).Statement : s.Sid => flatten([s.Action]) if contains(["Transform", "UseKey"], s.Sid) } == { Transform = ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"], UseKey = ["kms:Decrypt", "kms:GenerateDataKey"] }
    error_message = "the role may not call the function or use the key"
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this["enriched"].server_side_encryption[0].key_type == "CUSTOMER_MANAGED_CMK"
    error_message = "the key is not used"
  }
}

run "refuses_small_buffers_of_parquet" {
  command = plan

  variables {
    delivery_streams = { enriched = { glue_table = "enriched", buffer_mib = 32 } }
  }

  expect_failures = [var.delivery_streams]
}

run "refuses_small_buffers_of_partitions" {
  # Dynamic partitioning asks for 64 MiB, of lines too.
  command = plan

  variables {
    delivery_streams = { lines = { format = "json", buffer_mib = 63, partition_by = { event_type = ".type" } } }
  }

  expect_failures = [var.delivery_streams]
}

run "takes_buffers_of_64_mib" {
  command = apply

  variables {
    delivery_streams = { lines = { format = "json", buffer_mib = 64, partition_by = { event_type = ".type" } } }
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this["lines"].extended_s3_configuration[0].dynamic_partitioning_configuration[0].enabled
    error_message = "it is not partitioned"
  }
}

run "refuses_hasty_partitions" {
  command = plan

  variables {
    delivery_streams = { lines = { format = "json", buffer_seconds = 30, partition_by = { event_type = ".type" } } }
  }

  expect_failures = [var.delivery_streams]
}

run "refuses_parquet_without_table" {
  command = plan

  variables {
    delivery_streams = { enriched = {} }
  }

  expect_failures = [var.delivery_streams]
}

run "refuses_parquet_without_database" {
  command = plan

  variables {
    glue_database    = null
    delivery_streams = { enriched = { glue_table = "enriched" } }
  }

  expect_failures = [aws_kinesis_firehose_delivery_stream.this]
}

run "refuses_other_formats" {
  command = plan

  variables {
    delivery_streams = { enriched = { format = "orc" } }
  }

  expect_failures = [var.delivery_streams]
}

run "refuses_long_buffers" {
  command = plan

  variables {
    delivery_streams = { lines = { format = "json", buffer_seconds = 901 } }
  }

  expect_failures = [var.delivery_streams]
}

run "refuses_prefixes_without_slash" {
  command = plan

  variables {
    delivery_streams = { lines = { format = "json", prefix = "lines" } }
  }

  expect_failures = [var.delivery_streams]
}

run "refuses_bad_keys" {
  command = plan

  variables {
    delivery_streams = { lines = { format = "json", partition_by = { "event type" = ".type" } } }
  }

  expect_failures = [var.delivery_streams]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name               = "E"
    account_id         = "1"
    bucket_arn         = "archive"
    kms_key_arn        = "mine"
    log_retention_days = 8
    delivery_streams   = { "Dead Letters" = { format = "json" } }
  }

  expect_failures = [var.name, var.account_id, var.bucket_arn, var.kms_key_arn, var.log_retention_days, var.delivery_streams]
}
