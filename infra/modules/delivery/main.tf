# Firehose by direct put to S3: Parquet by the columns of a Glue table, or the lines as they came.

data "aws_region" "current" {}

locals {
  log_group = "/aws/kinesisfirehose/${var.name}"

  streams = { for name, stream in var.delivery_streams : name => merge(stream, {
    prefix    = coalesce(stream.prefix, "${name}/")
    transform = stream.transform_lambda_arn != null
    # The hour comes first, keys after it: the warehouse loads, and a replay reads, an hour as one prefix.
    path = join("", [
      coalesce(stream.prefix, "${name}/"), "!{timestamp:yyyy/MM/dd/HH}/",
      join("", [for key in keys(stream.partition_by) : "${key}=!{partitionKeyFromQuery:${key}}/"]),
    ])
    processors = concat(
      length(stream.partition_by) == 0 ? [] : [{
        type = "MetadataExtraction"
        parameters = {
          JsonParsingEngine       = "JQ-1.6"
          MetadataExtractionQuery = "{${join(",", [for key, query in stream.partition_by : "${key}:${query}"])}}"
        }
      }],
      stream.transform_lambda_arn == null ? [] : [{
        type = "Lambda"
        parameters = {
          # Firehose calls versions and aliases by their full ARN.
          LambdaArn               = can(regex(":function:[^:]+$", stream.transform_lambda_arn)) ? "${stream.transform_lambda_arn}:$LATEST" : stream.transform_lambda_arn
          BufferSizeInMBs         = "1"
          BufferIntervalInSeconds = "60"
          NumberOfRetries         = "3"
          RoleArn                 = aws_iam_role.this[name].arn
        }
      }],
    )
  }) }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_stream" "this" {
  for_each       = var.delivery_streams
  name           = each.key
  log_group_name = aws_cloudwatch_log_group.this.name
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  # checkov:skip=CKV_AWS_241: without a key of one's own Firehose encrypts with AWS's, which costs nothing.
  for_each    = local.streams
  depends_on  = [aws_iam_role_policy.this]
  name        = "${var.name}-${each.key}"
  destination = "extended_s3"
  tags        = var.tags

  server_side_encryption {
    enabled  = true
    key_type = var.kms_key_arn == null ? "AWS_OWNED_CMK" : "CUSTOMER_MANAGED_CMK"
    key_arn  = var.kms_key_arn
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.this[each.key].arn
    bucket_arn          = var.bucket_arn
    kms_key_arn         = var.kms_key_arn
    prefix              = each.value.path
    error_output_prefix = "errors/${each.key}/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
    buffering_size      = each.value.buffer_mib
    buffering_interval  = each.value.buffer_seconds
    # Parquet is compressed inside (Snappy); around it Firehose accepts nothing.
    compression_format = each.value.format == "parquet" ? "UNCOMPRESSED" : "GZIP"
    s3_backup_mode     = each.value.keep_source ? "Enabled" : "Disabled"

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.this.name
      log_stream_name = aws_cloudwatch_log_stream.this[each.key].name
    }

    dynamic "dynamic_partitioning_configuration" {
      for_each = length(each.value.partition_by) == 0 ? [] : [true]

      content {
        enabled        = true
        retry_duration = 300
      }
    }

    processing_configuration {
      enabled = length(each.value.processors) > 0

      dynamic "processors" {
        for_each = each.value.processors

        content {
          type = processors.value.type

          dynamic "parameters" {
            for_each = processors.value.parameters

            content {
              parameter_name  = parameters.key
              parameter_value = parameters.value
            }
          }
        }
      }
    }

    dynamic "data_format_conversion_configuration" {
      for_each = each.value.format == "parquet" ? [each.value.glue_table] : []

      content {
        input_format_configuration {
          deserializer {
            open_x_json_ser_de {
              # The names of fields inside payloads are the senders', capitals and all.
              case_insensitive = false
            }
          }
        }

        output_format_configuration {
          serializer {
            parquet_ser_de {
              compression = "SNAPPY"
            }
          }
        }

        schema_configuration {
          database_name = var.glue_database
          table_name    = data_format_conversion_configuration.value
          region        = data.aws_region.current.name
          role_arn      = aws_iam_role.this[each.key].arn
        }
      }
    }

    dynamic "s3_backup_configuration" {
      for_each = each.value.keep_source ? [true] : []

      content {
        role_arn            = aws_iam_role.this[each.key].arn
        bucket_arn          = var.bucket_arn
        kms_key_arn         = var.kms_key_arn
        prefix              = "source/${each.key}/!{timestamp:yyyy/MM/dd/HH}/"
        error_output_prefix = "errors/source-${each.key}/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
        compression_format  = "GZIP"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = each.value.format == "json" || var.glue_database != null
      error_message = "glue_database: ${each.key} is converted to Parquet, whose columns a Glue table states; name its database, or choose format \"json\"."
    }
  }
}
