# Changes of a database straight into the stream of accepted events: by Debezium Server as one Fargate task, or by AWS DMS.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  cdc_name = "${var.name}-cdc"
  debezium = var.engine == "debezium" ? { this = var.debezium } : {}
  dms      = var.engine == "dms" ? { this = var.dms } : {}

  write_statements = concat([
    {
      Sid      = "PutEvents"
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStream", "kinesis:PutRecord", "kinesis:PutRecords"]
      Resource = var.stream.arn
    },
    ], var.stream.kms_key_arn == null ? [] : [{
      Sid       = "UseStreamKey"
      Effect    = "Allow"
      Action    = "kms:GenerateDataKey"
      Resource  = var.stream.kms_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "kinesis.${data.aws_region.current.name}.amazonaws.com" } }
  }])

  secret_statements = concat([
    {
      Sid      = "ReadSecret"
      Effect   = "Allow"
      Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
      Resource = var.source_database.secret_arn
    },
    ], var.source_database.secret_kms_key_arn == null ? [] : [{
      Sid       = "UseSecretKey"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = var.source_database.secret_kms_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${data.aws_region.current.name}.amazonaws.com" } }
  }])
}

resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5: it is attached to the task or the replication instance.
  name        = local.cdc_name
  description = "Change data capture: nothing in, the database and AWS out"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = local.cdc_name })
}

resource "aws_vpc_security_group_egress_rule" "aws" {
  security_group_id = aws_security_group.this.id
  description       = "AWS endpoints and the image by TLS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id = aws_security_group.this.id
  description       = "The database, wherever it is; its own security group decides"
  ip_protocol       = "tcp"
  from_port         = var.source_database.port
  to_port           = var.source_database.port
  cidr_ipv4         = "0.0.0.0/0"
}
