mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  account_id = "123456789012"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-a", "subnet-b"]
  stream     = { name = "etl-test-raw", arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw" }
  source_database = {
    kind       = "postgres"
    host       = "db.example.com"
    port       = 5432
    database   = "shop"
    tables     = ["public.orders", "public.users"]
    secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
  }
  debezium = { image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mirror/debezium-server:3.2", cluster_arn = "arn:aws:ecs:us-east-1:123456789012:cluster/etl-test" }
}

run "debezium" {
  # One task follows the tables into the stream, keeps its place in the database, and knows its password by reference.
  command = apply

  assert {
    condition     = aws_ecs_service.this["this"].desired_count == 1 && aws_ecs_service.this["this"].deployment_maximum_percent == 100 && aws_ecs_service.this["this"].deployment_minimum_healthy_percent == 0
    error_message = "two tasks could read the same slot"
  }

  assert {
    condition = alltrue([for name, value in {
      DEBEZIUM_SINK_TYPE                    = "kinesis"
      DEBEZIUM_TRANSFORMS_ROUTE_REPLACEMENT = "etl-test-raw"
      DEBEZIUM_SOURCE_TABLE_INCLUDE_LIST    = "public.orders,public.users"
      DEBEZIUM_SOURCE_TOMBSTONES_ON_DELETE  = "false"
      DEBEZIUM_SOURCE_SLOT_NAME             = "etl_test_cdc"
      DEBEZIUM_SOURCE_OFFSET_STORAGE        = "io.debezium.storage.jdbc.offset.JdbcOffsetBackingStore"
    } : { for e in jsondecode(aws_ecs_task_definition.this["this"].container_definitions)[0].environment : e.name => e.value }[name] == value])
    error_message = "Debezium's settings differ"
  }

  assert {
    condition     = { for s in jsondecode(aws_ecs_task_definition.this["this"].container_definitions)[0].secrets : s.name => s.valueFrom }["DEBEZIUM_SOURCE_DATABASE_PASSWORD"] == "${var.source_database.secret_arn}:password::"
    error_message = "the password is not the secret's"
  }

  assert {
    condition     = !strcontains(jsonencode(jsondecode(aws_ecs_task_definition.this["this"].container_definitions)[0].environment), "PASSWORD")
    error_message = "a password stands in the environment"
  }

  assert {
    condition = { for s in jsondecode(output.role_policies.execution).Statement : s.Sid => s.Resource } == {
      ReadSecret  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
      WriteLog    = "arn:aws:logs:us-east-1:123456789012:log-group:mocked:*"
      PullImage   = "arn:aws:ecr:us-east-1:123456789012:repository/mirror/debezium-server"
      SignInToEcr = "*"
    }
    error_message = "the execution role reaches something else"
  }

  assert {
    condition     = [for s in jsondecode(output.role_policies.task).Statement : s.Resource] == ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw"]
    error_message = "the task may do something else"
  }

  assert {
    condition     = length(aws_dms_replication_task.this) + length(aws_dms_replication_instance.this) == 0 && output.service_name == "etl-test-cdc"
    error_message = "there is a replication instance too"
  }
}

run "dms_in_a_new_account_without_nat" {
  # The first in its account makes DMS's own roles; in subnets without NAT and endpoints only a public address reaches AWS.
  command = apply

  variables {
    engine                   = "dms"
    debezium                 = null
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/etl-roles"
    dms                      = { create_account_roles = true, assign_public_ip = true, before_image = "all" }
  }

  assert {
    condition = { for name, attached in aws_iam_role_policy_attachment.account : name => attached.policy_arn } == {
      dms-vpc-role             = "arn:aws:iam::aws:policy/service-role/AmazonDMSVPCManagementRole"
      dms-cloudwatch-logs-role = "arn:aws:iam::aws:policy/service-role/AmazonDMSCloudWatchLogsRole"
    }
    error_message = "DMS could not make its network interfaces or write its log"
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.account : role.permissions_boundary == null]) && aws_iam_role.dms["this"].permissions_boundary == var.permissions_boundary_arn
    error_message = "the boundary of this system's roles lacks what DMS needs of EC2"
  }

  assert {
    condition     = aws_dms_replication_instance.this["this"].publicly_accessible && length(aws_vpc_security_group_egress_rule.aws[*]) == 1
    error_message = "the instance could not reach Kinesis and Secrets Manager"
  }

  assert {
    condition     = jsondecode(aws_dms_replication_task.this["this"].replication_task_settings).BeforeImageSettings == { EnableBeforeImage = true, FieldName = "before-image", ColumnFilter = "all" }
    error_message = "the enricher would not know the row before"
  }
}

run "mysql" {
  # MySQL's schema history lies in the database too; a public image asks for nothing of ECR.
  command = apply

  variables {
    source_database = { kind = "mysql", host = "db.example.com", port = 3306, database = "shop", tables = ["shop.orders"], secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf", secret_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
    debezium        = { image = "quay.io/debezium/server:3.2", cluster_arn = "arn:aws:ecs:us-east-1:123456789012:cluster/etl-test", properties = { DEBEZIUM_SOURCE_SNAPSHOT_MODE = "no_data" } }
    stream          = { name = "etl-test-raw", arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/2" }
  }

  assert {
    condition     = { for e in jsondecode(aws_ecs_task_definition.this["this"].container_definitions)[0].environment : e.name => e.value }["DEBEZIUM_SOURCE_INCLUDE_SCHEMA_CHANGES"] == "false"
    error_message = "every DDL statement would become a dead letter"
  }

  assert {
    condition     = length(setintersection(["DEBEZIUM_SOURCE_SCHEMA_HISTORY_INTERNAL", "DEBEZIUM_SOURCE_SNAPSHOT_MODE"], [for e in jsondecode(aws_ecs_task_definition.this["this"].container_definitions)[0].environment : e.name])) == 2
    error_message = "settings of MySQL are missing"
  }

  assert {
    condition     = [for s in jsondecode(output.role_policies.execution).Statement : s.Sid] == ["ReadSecret", "UseSecretKey", "WriteLog"] && [for s in jsondecode(output.role_policies.task).Statement : s.Sid] == ["PutEvents", "UseStreamKey"]
    error_message = "the roles differ"
  }
}

run "dms" {
  # DMS follows the same tables; a row's changes keep their order by its primary key.
  command = apply

  variables {
    engine   = "dms"
    debezium = null
  }

  assert {
    condition     = [for rule in jsondecode(aws_dms_replication_task.this["this"].table_mappings).rules : "${rule["rule-type"]} ${rule["object-locator"]["table-name"]}"] == ["selection orders", "selection users", "object-mapping orders", "object-mapping users"]
    error_message = "the tables differ"
  }

  assert {
    condition     = jsondecode(aws_dms_replication_task.this["this"].table_mappings).rules[2]["mapping-parameters"]["partition-key-type"] == "primary-key"
    error_message = "changes of a row would lose their order"
  }

  assert {
    condition     = !aws_dms_replication_instance.this["this"].publicly_accessible && aws_dms_endpoint.target["this"].kinesis_settings[0].stream_arn == var.stream.arn && aws_dms_endpoint.source["this"].password == null && aws_dms_endpoint.source["this"].ssl_mode == "require"
    error_message = "the endpoints differ"
  }

  assert {
    condition     = [for s in jsondecode(output.role_policies.dms).Statement : s.Sid] == ["PutEvents", "ReadSecret"] && output.service_name == null
    error_message = "the role differs"
  }

  assert {
    condition     = aws_dms_endpoint.target["this"].kinesis_settings[0].message_format == "json-unformatted" && aws_dms_endpoint.target["this"].kinesis_settings[0].include_transaction_details && aws_dms_endpoint.target["this"].kinesis_settings[0].partition_include_schema_table && aws_dms_endpoint.target["this"].kinesis_settings[0].include_partition_value
    error_message = "a restarted task could not be told from a new change, or rows of different tables would share a key"
  }

  assert {
    condition     = jsondecode(aws_dms_replication_task.this["this"].replication_task_settings).FullLoadSettings.TargetTablePrepMode == "DO_NOTHING" && !can(jsondecode(aws_dms_replication_task.this["this"].replication_task_settings).BeforeImageSettings)
    error_message = "the task's settings differ"
  }

  assert {
    condition     = length(aws_iam_role.account) == 0
    error_message = "roles that the account may already have are made"
  }
}

run "refuses_dms_that_no_role_would_trust" {
  command = plan

  variables {
    engine   = "dms"
    debezium = null
    dms      = { engine_version = "3.4.6", before_image = "some" }
  }

  expect_failures = [var.dms]
}

run "refuses_debezium_without_image" {
  command = plan

  variables {
    debezium = null
  }

  expect_failures = [var.debezium]
}

run "refuses_mysql_by_dms_in_plain_text" {
  command = plan

  variables {
    engine          = "dms"
    source_database = { kind = "mysql", host = "db", port = 3306, database = "shop", tables = ["shop.orders"], secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s" }
  }

  expect_failures = [var.dms]
}

run "refuses_latest" {
  command = plan

  variables {
    debezium = { image = "quay.io/debezium/server:latest", cluster_arn = "arn:aws:ecs:us-east-1:123456789012:cluster/etl-test" }
  }

  expect_failures = [var.debezium]
}

run "refuses_untagged_images" {
  command = plan

  variables {
    debezium = { image = "quay.io/debezium/server", cluster_arn = "arn:aws:ecs:us-east-1:123456789012:cluster/etl-test" }
  }

  expect_failures = [var.debezium]
}

run "refuses_tables_without_schema" {
  command = plan

  variables {
    source_database = { kind = "postgres", host = "db", port = 5432, database = "shop", tables = ["orders"], secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s" }
  }

  expect_failures = [var.source_database]
}

run "refuses_other_databases" {
  command = plan

  variables {
    source_database = { kind = "oracle", host = "db", port = 1521, database = "shop", tables = ["a.b"], secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s" }
  }

  expect_failures = [var.source_database]
}

run "refuses_loads_that_end" {
  command = plan

  variables {
    engine = "dms"
    dms    = { migration = "full-load" }
  }

  expect_failures = [var.dms]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name               = "E"
    account_id         = "1"
    kms_key_arn        = "mine"
    subnet_ids         = ["subnet-a"]
    engine             = "kafka"
    stream             = { name = "raw", arn = "raw" }
    log_retention_days = 2
  }

  expect_failures = [var.name, var.account_id, var.kms_key_arn, var.subnet_ids, var.engine, var.stream, var.log_retention_days]
}
