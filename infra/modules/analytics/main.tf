# An application of Managed Service for Apache Flink. Its package is made elsewhere and lies in S3.

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  application_name = "${var.name}-analytics"
  application_arn  = "arn:${data.aws_partition.current.partition}:kinesisanalytics:${data.aws_region.current.name}:${var.account_id}:application/${local.application_name}"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/kinesis-analytics/${local.application_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_stream" "this" {
  name           = "application"
  log_group_name = aws_cloudwatch_log_group.this.name
}

resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5: it is attached to the application, which checkov does not count.
  count       = var.vpc == null ? 0 : 1
  name        = local.application_name
  description = "Flink: nothing in, HTTPS out"
  vpc_id      = var.vpc.vpc_id
  tags        = merge(var.tags, { Name = local.application_name })
}

resource "aws_vpc_security_group_egress_rule" "this" {
  count             = var.vpc == null ? 0 : 1
  security_group_id = aws_security_group.this[0].id
  description       = "AWS endpoints by TLS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  # Endpoints' addresses change; TLS and IAM tell AWS from others.
  cidr_ipv4 = "0.0.0.0/0"
}

resource "aws_kinesisanalyticsv2_application" "this" {
  depends_on             = [aws_iam_role_policy.this]
  name                   = local.application_name
  description            = "Streaming SQL over the streams of ${var.name}."
  runtime_environment    = var.runtime
  service_execution_role = aws_iam_role.this.arn
  start_application      = var.start
  # Without it Terraform could not replace or destroy an application that does not answer.
  force_stop = true
  tags       = var.tags

  application_configuration {
    application_code_configuration {
      code_content_type = "ZIPFILE"

      code_content {
        s3_content_location {
          bucket_arn     = var.code.bucket_arn
          file_key       = var.code.key
          object_version = var.code.object_version
        }
      }
    }

    application_snapshot_configuration {
      snapshots_enabled = true
    }

    run_configuration {
      application_restore_configuration {
        application_restore_type = "RESTORE_FROM_LATEST_SNAPSHOT"
      }
    }

    dynamic "environment_properties" {
      for_each = length(var.properties) == 0 ? [] : [true]

      content {
        dynamic "property_group" {
          for_each = var.properties

          content {
            property_group_id = property_group.key
            property_map      = property_group.value
          }
        }
      }
    }

    flink_application_configuration {
      checkpoint_configuration {
        configuration_type            = "CUSTOM"
        checkpointing_enabled         = true
        checkpoint_interval           = var.checkpoint_seconds * 1000
        min_pause_between_checkpoints = 5000
      }

      monitoring_configuration {
        configuration_type = "CUSTOM"
        log_level          = var.log_level
        metrics_level      = "APPLICATION"
      }

      parallelism_configuration {
        configuration_type = "CUSTOM"
        # Watermarks want a subtask a shard; scaling on processor use would take away or add others.
        auto_scaling_enabled = false
        parallelism          = var.scaling.parallelism
        parallelism_per_kpu  = var.scaling.per_kpu
      }
    }

    dynamic "vpc_configuration" {
      for_each = var.vpc == null ? [] : [var.vpc]

      content {
        subnet_ids         = vpc_configuration.value.subnet_ids
        security_group_ids = [aws_security_group.this[0].id]
      }
    }
  }

  cloudwatch_logging_options {
    log_stream_arn = aws_cloudwatch_log_stream.this.arn
  }
}
