# AWS DMS: a replication instance, the database as source, the stream as target, and the task between them.

locals {
  table_mappings = jsonencode({
    rules = concat(
      [for index, table in var.source_database.tables : {
        "rule-type"      = "selection"
        "rule-id"        = tostring(index + 1)
        "rule-name"      = "follow-${index + 1}"
        "object-locator" = { "schema-name" = split(".", table)[0], "table-name" = split(".", table)[1] }
        "rule-action"    = "include"
      }],
      # Changes of a row keep their order: its primary key is the partition key.
      [for index, table in var.source_database.tables : {
        "rule-type"          = "object-mapping"
        "rule-id"            = tostring(1000 + index)
        "rule-name"          = "route-${index + 1}"
        "rule-action"        = "map-record-to-record"
        "object-locator"     = { "schema-name" = split(".", table)[0], "table-name" = split(".", table)[1] }
        "mapping-parameters" = { "partition-key-type" = "primary-key" }
      }],
    )
  })

  task_settings = jsonencode(merge(
    {
      Logging       = { EnableLogging = true }
      ErrorBehavior = { RecoverableErrorCount = -1, RecoverableErrorInterval = 5, RecoverableErrorThrottling = true, RecoverableErrorThrottlingMax = 1800 }
      # There are no tables at the target to drop.
      FullLoadSettings = { TargetTablePrepMode = "DO_NOTHING" }
    },
    var.dms.before_image == null ? {} : {
      # The enricher knows the row before a change by this name.
      BeforeImageSettings = { EnableBeforeImage = true, FieldName = "before-image", ColumnFilter = var.dms.before_image }
    },
  ))

  # Of an account, once, by these names: https://docs.aws.amazon.com/dms/latest/userguide/security-iam.html#CHAP_Security.APIRole
  account_roles = var.engine == "dms" && var.dms.create_account_roles ? {
    dms-vpc-role             = "AmazonDMSVPCManagementRole"
    dms-cloudwatch-logs-role = "AmazonDMSCloudWatchLogsRole"
  } : {}

  dms_policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.write_statements, local.secret_statements) })
}

resource "aws_iam_role" "dms" {
  for_each             = local.dms
  name                 = "${local.cdc_name}-dms"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = "sts:AssumeRole"
      # Secrets are read by the regional principal, streams written by the global one.
      Principal = { Service = ["dms.amazonaws.com", "dms.${data.aws_region.current.name}.amazonaws.com"] }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "dms" {
  for_each = local.dms
  name     = "replicate"
  role     = aws_iam_role.dms[each.key].id
  policy   = local.dms_policy
}

# Without the boundary of this system's roles: DMS needs more of EC2, and other systems of the account use them too.
resource "aws_iam_role" "account" {
  for_each = local.account_roles
  name     = each.key
  tags     = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "dms.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "account" {
  for_each   = local.account_roles
  role       = aws_iam_role.account[each.key].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/${each.value}"
}

resource "aws_dms_replication_subnet_group" "this" {
  for_each                             = local.dms
  depends_on                           = [aws_iam_role_policy_attachment.account]
  replication_subnet_group_id          = local.cdc_name
  replication_subnet_group_description = "Where ${local.cdc_name} runs."
  subnet_ids                           = var.subnet_ids
  tags                                 = var.tags
}

resource "aws_dms_replication_instance" "this" {
  # checkov:skip=CKV_AWS_212: without a key of one's own AWS's key encrypts the storage, which costs nothing.
  # checkov:skip=CKV_AWS_89: public only where subnets have neither NAT nor endpoints; its security group lets nothing in.
  for_each                    = local.dms
  replication_instance_id     = local.cdc_name
  replication_instance_class  = each.value.instance_class
  allocated_storage           = each.value.storage_gib
  multi_az                    = each.value.multi_az
  engine_version              = each.value.engine_version
  kms_key_arn                 = var.kms_key_arn
  publicly_accessible         = each.value.assign_public_ip
  auto_minor_version_upgrade  = true
  replication_subnet_group_id = aws_dms_replication_subnet_group.this[each.key].id
  vpc_security_group_ids      = [aws_security_group.this.id]
  tags                        = var.tags
}

resource "aws_dms_endpoint" "source" {
  # checkov:skip=CKV_AWS_296: without a key of one's own AWS's key encrypts, which costs nothing.
  for_each                        = local.dms
  depends_on                      = [aws_iam_role_policy.dms]
  endpoint_id                     = "${local.cdc_name}-source"
  endpoint_type                   = "source"
  engine_name                     = var.source_database.kind
  database_name                   = var.source_database.database
  secrets_manager_arn             = var.source_database.secret_arn
  secrets_manager_access_role_arn = aws_iam_role.dms[each.key].arn
  kms_key_arn                     = var.kms_key_arn
  ssl_mode                        = each.value.certificate_arn == null ? "require" : "verify-full"
  certificate_arn                 = each.value.certificate_arn
  tags                            = var.tags
}

resource "aws_dms_endpoint" "target" {
  # checkov:skip=CKV_AWS_296: the endpoint holds no secret; the stream encrypts the records.
  for_each      = local.dms
  depends_on    = [aws_iam_role_policy.dms]
  endpoint_id   = "${local.cdc_name}-target"
  endpoint_type = "target"
  engine_name   = "kinesis"
  kms_key_arn   = var.kms_key_arn
  tags          = var.tags

  kinesis_settings {
    stream_arn                     = var.stream.arn
    service_access_role_arn        = aws_iam_role.dms[each.key].arn
    message_format                 = "json-unformatted"
    include_null_and_empty         = true
    include_transaction_details    = true
    include_table_alter_operations = false
    include_control_details        = false
    partition_include_schema_table = true
    include_partition_value        = true
  }
}

resource "aws_dms_replication_task" "this" {
  for_each                  = local.dms
  replication_task_id       = local.cdc_name
  migration_type            = each.value.migration
  replication_instance_arn  = aws_dms_replication_instance.this[each.key].replication_instance_arn
  source_endpoint_arn       = aws_dms_endpoint.source[each.key].endpoint_arn
  target_endpoint_arn       = aws_dms_endpoint.target[each.key].endpoint_arn
  table_mappings            = local.table_mappings
  replication_task_settings = local.task_settings
  start_replication_task    = true
  tags                      = var.tags

  lifecycle {
    # AWS writes back all settings with their defaults, and the names of the log it made.
    ignore_changes = [replication_task_settings]
  }
}
