# Forms that the data modules' resources are checked for, where a mocked provider would make up random text.
mock_resource "aws_kinesis_stream" {
  defaults = {
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/mocked"
  }
}

mock_resource "aws_kinesis_stream_consumer" {
  defaults = {
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/mocked/consumer/mocked:1700000000"
  }
}

mock_resource "aws_s3_bucket" {
  defaults = {
    arn = "arn:aws:s3:::mocked"
  }
}

mock_resource "aws_glue_catalog_table" {
  defaults = {
    arn = "arn:aws:glue:us-east-1:123456789012:table/mocked/mocked"
  }
}

mock_resource "aws_kinesis_firehose_delivery_stream" {
  defaults = {
    arn = "arn:aws:firehose:us-east-1:123456789012:deliverystream/mocked"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:us-east-1:123456789012:mocked"
  }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mocked-AbCdEf"
  }
}

mock_resource "aws_secretsmanager_secret_version" {
  defaults = {
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mocked-AbCdEf"
  }
}

mock_data "aws_secretsmanager_random_password" {
  defaults = {
    random_password = "Mocked-Password-1"
  }
}

mock_resource "aws_opensearch_domain" {
  defaults = {
    arn      = "arn:aws:es:us-east-1:123456789012:domain/mocked"
    endpoint = "vpc-mocked.us-east-1.es.amazonaws.com"
  }
}

mock_resource "aws_redshiftserverless_workgroup" {
  defaults = {
    arn = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/mocked"
  }
}

mock_resource "aws_redshiftserverless_namespace" {
  defaults = {
    arn                       = "arn:aws:redshift-serverless:us-east-1:123456789012:namespace/mocked"
    admin_password_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift-AbCdEf"
  }
}

mock_resource "aws_scheduler_schedule" {
  defaults = {
    arn = "arn:aws:scheduler:us-east-1:123456789012:schedule/mocked/mocked"
  }
}

mock_resource "aws_kinesisanalyticsv2_application" {
  defaults = {
    arn = "arn:aws:kinesisanalytics:us-east-1:123456789012:application/mocked"
  }
}

mock_resource "aws_cloudwatch_log_stream" {
  defaults = {
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:mocked:log-stream:mocked"
  }
}

mock_resource "aws_dms_endpoint" {
  defaults = {
    endpoint_arn = "arn:aws:dms:us-east-1:123456789012:endpoint:MOCKED"
  }
}

mock_resource "aws_dms_replication_instance" {
  defaults = {
    replication_instance_arn = "arn:aws:dms:us-east-1:123456789012:rep:MOCKED"
  }
}

mock_resource "aws_dms_replication_task" {
  defaults = {
    replication_task_arn = "arn:aws:dms:us-east-1:123456789012:task:MOCKED"
  }
}

mock_resource "aws_iot_topic_rule" {
  defaults = {
    arn = "arn:aws:iot:us-east-1:123456789012:rule/mocked"
  }
}
