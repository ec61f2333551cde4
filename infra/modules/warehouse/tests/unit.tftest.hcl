mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  account_id = "123456789012"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
  bucket_arn = "arn:aws:s3:::archive"
}

run "private" {
  # The warehouse is reached from the VPC alone, by TLS, and nobody knows its administrator's password.
  command = apply

  assert {
    condition     = !aws_redshiftserverless_workgroup.this.publicly_accessible && aws_redshiftserverless_workgroup.this.enhanced_vpc_routing && length(aws_vpc_security_group_ingress_rule.client) == 0
    error_message = "it is open"
  }

  assert {
    condition     = { for p in aws_redshiftserverless_workgroup.this.config_parameter : p.parameter_key => p.parameter_value }["require_ssl"] == "true" && { for p in aws_redshiftserverless_workgroup.this.config_parameter : p.parameter_key => p.parameter_value }["max_query_execution_time"] == "3600"
    error_message = "parameters differ"
  }

  assert {
    condition     = aws_redshiftserverless_namespace.this.manage_admin_password && aws_redshiftserverless_namespace.this.db_name == "etl" && output.workgroup_name == "etl-test-warehouse"
    error_message = "the password is somebody's"
  }

  assert {
    condition     = length(aws_redshiftserverless_usage_limit.this) == 0 && aws_redshiftserverless_workgroup.this.base_capacity == 8
    error_message = "capacity differs"
  }
}

run "load" {
  # Every quarter of an hour the schedule calls the load with its own time; its role may do that and no more.
  command = apply

  assert {
    condition     = jsondecode(aws_scheduler_schedule.load.target[0].input) == { Database = "etl", Sql = "CALL etl.load('<aws.scheduler.scheduled-time>')", StatementName = "etl-test-warehouse", WithEvent = true, WorkgroupName = "etl-test-warehouse" }
    error_message = "the call differs"
  }

  assert {
    condition     = strcontains(aws_scheduler_schedule.load.target[0].input, "<aws.scheduler.scheduled-time>") && aws_scheduler_schedule.load.target[0].arn == "arn:aws:scheduler:::aws-sdk:redshiftdata:executeStatement"
    error_message = "the scheduler would not see its keyword"
  }

  assert {
    condition     = aws_scheduler_schedule.load.schedule_expression == "rate(15 minutes)" && aws_scheduler_schedule.load.state == "ENABLED" && aws_scheduler_schedule.load.flexible_time_window[0].mode == "OFF"
    error_message = "the schedule differs"
  }

  assert {
    condition     = jsondecode(output.role_policies.schedule).Statement == [{ Sid = "Load", Effect = "Allow", Action = ["redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials"], Resource = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/mocked" }]
    error_message = "the schedule's role may do something else"
  }

  assert {
    condition     = aws_iam_role.schedule.tags["RedshiftDbRoles"] == "etl_loader" && strcontains(output.statements["grant_loader"], "CREATE ROLE etl_loader")
    error_message = "the schedule would have no role in the database"
  }

  assert {
    condition = { for s in jsondecode(output.role_policies.copy).Statement : s.Sid => flatten([s.Resource]) } == {
      FindBucket  = ["arn:aws:s3:::archive"]
      ListHours   = ["arn:aws:s3:::archive"]
      ReadParquet = ["arn:aws:s3:::archive/aggregates/*", "arn:aws:s3:::archive/enriched/*"]
    }
    error_message = "COPY reaches something else"
  }
}

run "copy_role" {
  # Redshift promises an external id when it assumes the role, and no source account.
  command = apply

  assert {
    condition     = jsondecode(aws_iam_role.copy.assume_role_policy).Statement[0].Condition == { StringLike = { "sts:ExternalId" = "arn:aws:redshift:us-east-1:123456789012:dbuser:*" } }
    error_message = "COPY could not assume its role, or databases of others could"
  }
}

run "statements" {
  # The module's SQL names the archive, the role, and how long an hour settles; one procedure a table.
  command = apply

  assert {
    condition     = toset(keys(output.statements)) == toset(["loads", "events", "aggregates", "note_load", "load_enriched_hour", "load_aggregates_hour", "load", "grant_loader"])
    error_message = "statements differ"
  }

  assert {
    condition     = strcontains(output.statements["load_enriched_hour"], "quote_literal('s3://archive/enriched/' ||") && strcontains(output.statements["load_enriched_hour"], "quote_literal('arn:aws:iam::123456789012:role/mocked')")
    error_message = "COPY reads elsewhere"
  }

  assert {
    condition     = strcontains(output.statements["load"], "CALL etl.load_aggregates_hour(v_hour, v_hour + INTERVAL '90 minutes' <= v_now)") && strcontains(output.statements["load"], "CALL etl.load_enriched_hour(")
    error_message = "a table is not loaded, or settles at another time"
  }

  assert {
    condition     = aws_redshiftdata_statement.schema.secret_arn == output.admin_secret_arn && length(aws_redshiftdata_statement.table) == 3 && length(aws_redshiftdata_statement.procedure) == 5
    error_message = "statements are not run as the administrator"
  }
}

run "one_table_with_limits" {
  command = apply

  variables {
    prefixes                  = { enriched = "enriched/" }
    bucket_kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/1"
    kms_key_arn               = "arn:aws:kms:us-east-1:123456789012:key/2"
    capacity                  = { base = 16, max = 64, daily_rpu_hours = 24 }
    load                      = { enabled = false, schedule = "cron(5 * * * ? *)" }
    migrations                = { view = "CREATE OR REPLACE VIEW etl.v AS SELECT 1" }
    client_security_group_ids = { reports = "sg-1" }
  }

  assert {
    condition     = length(aws_redshiftdata_statement.procedure) == 4 && !strcontains(output.statements["load"], "aggregates") && aws_redshiftdata_statement.migration["view"].sql == "CREATE OR REPLACE VIEW etl.v AS SELECT 1"
    error_message = "statements differ"
  }

  assert {
    condition     = aws_redshiftserverless_usage_limit.this["daily"].amount == 24 && length(aws_redshiftserverless_usage_limit.this) == 1
    error_message = "limits differ"
  }

  assert {
    condition     = aws_scheduler_schedule.load.state == "DISABLED" && aws_vpc_security_group_ingress_rule.client["reports"].from_port == 5439
    error_message = "options differ"
  }

  assert {
    condition     = jsondecode(output.role_policies.copy).Statement[3].Resource == var.bucket_kms_key_arn && aws_redshiftserverless_namespace.this.kms_key_id == var.kms_key_arn
    error_message = "keys are not used"
  }
}

run "refuses_unknown_tables" {
  command = plan

  variables {
    prefixes = { late = "late/" }
  }

  expect_failures = [var.prefixes]
}

run "refuses_quotes_in_prefixes" {
  # A prefix goes into SQL text.
  command = plan

  variables {
    prefixes = { enriched = "a'; DROP TABLE x; --/" }
  }

  expect_failures = [var.prefixes]
}

run "refuses_less_capacity_at_most_than_always" {
  command = plan

  variables {
    capacity = { base = 32, max = 16 }
  }

  expect_failures = [var.capacity]
}

run "refuses_early_settling" {
  # Firehose may hold a record for fifteen minutes after its hour has ended.
  command = plan

  variables {
    load = { settle_minutes = 10 }
  }

  expect_failures = [var.load]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name                = "E"
    account_id          = "1"
    kms_key_arn         = "mine"
    subnet_ids          = ["subnet-a", "subnet-b"]
    bucket_arn          = "archive"
    database            = "Etl-1"
    capacity            = { base = 9 }
    load                = { schedule = "hourly" }
    query_limit_seconds = 1
  }

  expect_failures = [var.name, var.account_id, var.kms_key_arn, var.subnet_ids, var.bucket_arn, var.database, var.capacity, var.load, var.query_limit_seconds]
}
