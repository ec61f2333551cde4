# Debezium Server. One task reads, never two: a deployment stops the old one first. Positions and schema history lie in the
# database itself, so that a task is replaced without losing its place.
# https://debezium.io/documentation/reference/stable/operations/debezium-server.html

locals {
  jdbc = {
    postgres = "jdbc:postgresql://${var.source_database.host}:${var.source_database.port}/${var.source_database.database}?sslmode=require"
    mysql    = "jdbc:mysql://${var.source_database.host}:${var.source_database.port}/${var.source_database.database}?sslMode=REQUIRED"
  }[var.source_database.kind]

  of_kind = {
    postgres = {
      DEBEZIUM_SOURCE_CONNECTOR_CLASS  = "io.debezium.connector.postgresql.PostgresConnector"
      DEBEZIUM_SOURCE_DATABASE_DBNAME  = var.source_database.database
      DEBEZIUM_SOURCE_DATABASE_SSLMODE = "require"
      DEBEZIUM_SOURCE_PLUGIN_NAME      = "pgoutput"
      DEBEZIUM_SOURCE_SLOT_NAME        = replace(local.cdc_name, "-", "_")
      DEBEZIUM_SOURCE_PUBLICATION_NAME = replace(local.cdc_name, "-", "_")
      # The publication holds the tables that are followed and no others.
      DEBEZIUM_SOURCE_PUBLICATION_AUTOCREATE_MODE = "filtered"
    }
    mysql = {
      DEBEZIUM_SOURCE_CONNECTOR_CLASS       = "io.debezium.connector.mysql.MySqlConnector"
      DEBEZIUM_SOURCE_DATABASE_INCLUDE_LIST = var.source_database.database
      DEBEZIUM_SOURCE_DATABASE_SSL_MODE     = "required"
      DEBEZIUM_SOURCE_DATABASE_SERVER_ID    = tostring(5400 + parseint(substr(sha256(local.cdc_name), 0, 4), 16))
      # Records of DDL are no changes of rows, and would come into the same stream.
      DEBEZIUM_SOURCE_INCLUDE_SCHEMA_CHANGES                      = "false"
      DEBEZIUM_SOURCE_SCHEMA_HISTORY_INTERNAL                     = "io.debezium.storage.jdbc.history.JdbcSchemaHistory"
      DEBEZIUM_SOURCE_SCHEMA_HISTORY_INTERNAL_JDBC_CONNECTION_URL = local.jdbc
      DEBEZIUM_SOURCE_SCHEMA_HISTORY_INTERNAL_JDBC_TABLE_NAME     = "${try(var.debezium.offset_table, "debezium")}_schema"
    }
  }[var.source_database.kind]

  debezium_environment = merge(
    {
      DEBEZIUM_SOURCE_DATABASE_HOSTNAME                  = var.source_database.host
      DEBEZIUM_SOURCE_DATABASE_PORT                      = tostring(var.source_database.port)
      DEBEZIUM_SOURCE_TABLE_INCLUDE_LIST                 = join(",", var.source_database.tables)
      DEBEZIUM_SOURCE_TOPIC_PREFIX                       = local.cdc_name
      DEBEZIUM_SOURCE_TOMBSTONES_ON_DELETE               = "false"
      DEBEZIUM_SOURCE_OFFSET_STORAGE                     = "io.debezium.storage.jdbc.offset.JdbcOffsetBackingStore"
      DEBEZIUM_SOURCE_OFFSET_STORAGE_JDBC_CONNECTION_URL = local.jdbc
      DEBEZIUM_SOURCE_OFFSET_STORAGE_JDBC_TABLE_NAME     = try(var.debezium.offset_table, "")
      DEBEZIUM_SOURCE_OFFSET_FLUSH_INTERVAL_MS           = "5000"
      DEBEZIUM_FORMAT_VALUE                              = "json"
      DEBEZIUM_FORMAT_VALUE_SCHEMAS_ENABLE               = "false"
      DEBEZIUM_FORMAT_KEY                                = "json"
      DEBEZIUM_FORMAT_KEY_SCHEMAS_ENABLE                 = "false"
      DEBEZIUM_SINK_TYPE                                 = "kinesis"
      DEBEZIUM_SINK_KINESIS_REGION                       = data.aws_region.current.name
      # The sink writes to the stream that a topic is called; every table goes into this one.
      DEBEZIUM_TRANSFORMS                   = "route"
      DEBEZIUM_TRANSFORMS_ROUTE_TYPE        = "org.apache.kafka.connect.transforms.RegexRouter"
      DEBEZIUM_TRANSFORMS_ROUTE_REGEX       = ".*"
      DEBEZIUM_TRANSFORMS_ROUTE_REPLACEMENT = var.stream.name
    },
    local.of_kind,
    try(var.debezium.properties, {}),
  )

  password_of = concat(
    ["DEBEZIUM_SOURCE_DATABASE", "DEBEZIUM_SOURCE_OFFSET_STORAGE_JDBC_CONNECTION"],
    var.source_database.kind == "mysql" ? ["DEBEZIUM_SOURCE_SCHEMA_HISTORY_INTERNAL_JDBC_CONNECTION"] : [],
  )

  debezium_secrets = merge([for prefix in local.password_of : {
    "${prefix}_USER"     = "${var.source_database.secret_arn}:username::"
    "${prefix}_PASSWORD" = "${var.source_database.secret_arn}:password::"
  }]...)

  # Of an image in ECR the task must be let to the repository: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG.
  ecr = var.debezium == null ? [] : regexall("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.[^/]+/([^:@]+)", var.debezium.image)

  execution_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for s in local.secret_statements : merge(s, s.Sid == "ReadSecret" ? { Action = ["secretsmanager:GetSecretValue"] } : {})],
      [for group in aws_cloudwatch_log_group.debezium : {
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${group.arn}:*"
      }],
      [for image in local.ecr : {
        Sid      = "PullImage"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = "arn:${data.aws_partition.current.partition}:ecr:${image[1]}:${image[0]}:repository/${image[2]}"
      }],
      [for image in local.ecr : {
        Sid      = "SignInToEcr"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      }],
    )
  })

  task_policy = jsonencode({ Version = "2012-10-17", Statement = local.write_statements })

  task_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_cloudwatch_log_group" "debezium" {
  for_each          = local.debezium
  name              = "/${var.name}/cdc"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "execution" {
  for_each             = local.debezium
  name                 = "${local.cdc_name}-execution"
  assume_role_policy   = local.task_trust
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "execution" {
  for_each = local.debezium
  name     = "start"
  role     = aws_iam_role.execution[each.key].id
  policy   = local.execution_policy
}

resource "aws_iam_role" "task" {
  for_each             = local.debezium
  name                 = "${local.cdc_name}-task"
  assume_role_policy   = local.task_trust
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "task" {
  for_each = local.debezium
  name     = "run"
  role     = aws_iam_role.task[each.key].id
  policy   = local.task_policy
}

resource "aws_ecs_task_definition" "this" {
  # checkov:skip=CKV_AWS_336: Debezium Server's launcher writes its own configuration beside the program.
  for_each                 = local.debezium
  family                   = local.cdc_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory_mib
  execution_role_arn       = aws_iam_role.execution[each.key].arn
  task_role_arn            = aws_iam_role.task[each.key].arn
  tags                     = var.tags

  container_definitions = jsonencode([{
    name        = "debezium"
    image       = each.value.image
    essential   = true
    stopTimeout = 60
    environment = [for name, value in local.debezium_environment : { name = name, value = value }]
    secrets     = [for name, value in local.debezium_secrets : { name = name, valueFrom = value }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.debezium[each.key].name
        awslogs-region        = data.aws_region.current.name
        awslogs-stream-prefix = "debezium"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  # checkov:skip=CKV_AWS_333: a public address is given only where asked for: subnets without NAT need one to reach AWS.
  for_each                           = local.debezium
  depends_on                         = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
  name                               = local.cdc_name
  cluster                            = each.value.cluster_arn
  task_definition                    = aws_ecs_task_definition.this[each.key].arn
  launch_type                        = "FARGATE"
  desired_count                      = 1
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  tags                               = var.tags

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = each.value.assign_public_ip
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
}
