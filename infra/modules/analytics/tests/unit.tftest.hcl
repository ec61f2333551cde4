mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  account_id = "123456789012"
  code       = { bucket_arn = "arn:aws:s3:::artefacts", key = "flink/app-1.0.zip" }
  properties = { streams = { enriched = "etl-test-enriched" } }
  access = {
    read_streams  = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched"]
    write_streams = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-aggregates"]
  }
}

run "application" {
  # It restarts from its latest snapshot, checkpoints, scales, logs, and gets its properties.
  command = apply

  assert {
    condition     = output.application_name == "etl-test-analytics" && aws_kinesisanalyticsv2_application.this.runtime_environment == "FLINK-1_20" && aws_kinesisanalyticsv2_application.this.start_application
    error_message = "the application differs"
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this.application_configuration[0].application_snapshot_configuration[0].snapshots_enabled && aws_kinesisanalyticsv2_application.this.application_configuration[0].run_configuration[0].application_restore_configuration[0].application_restore_type == "RESTORE_FROM_LATEST_SNAPSHOT"
    error_message = "an update would lose the state"
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this.application_configuration[0].flink_application_configuration[0].checkpoint_configuration[0].checkpoint_interval == 60000
    error_message = "checkpoints differ"
  }

  assert {
    condition     = one(one(aws_kinesisanalyticsv2_application.this.application_configuration[0].environment_properties).property_group).property_map == tomap({ enriched = "etl-test-enriched" })
    error_message = "properties differ"
  }

  assert {
    condition     = output.security_group_id == null && length(aws_kinesisanalyticsv2_application.this.application_configuration[0].vpc_configuration) == 0
    error_message = "it is in a VPC that nobody gave"
  }
}

run "least_privilege" {
  # The role names every action and every stream; what was not given is not in it.
  command = apply

  assert {
    condition     = [for s in jsondecode(output.role_policy).Statement : s.Sid] == ["ReadPackage", "FindLog", "WriteLog", "ReadStreams", "RegisterConsumers", "UseOwnConsumers", "WriteStreams"]
    error_message = "the role may do something else"
  }

  assert {
    condition     = alltrue([for action in flatten([for s in jsondecode(output.role_policy).Statement : s.Action]) : !strcontains(action, "*")])
    error_message = "an action has a wildcard"
  }

  assert {
    condition     = [for s in jsondecode(output.role_policy).Statement : s.Resource if contains(["ReadPackage", "ReadStreams", "WriteStreams"], s.Sid)] == [["arn:aws:s3:::artefacts/flink/app-1.0.zip"], ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched"], ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-aggregates"]]
    error_message = "the role reaches something else"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:kinesisanalytics:us-east-1:123456789012:application/etl-test-analytics"
    error_message = "another application could use the role"
  }
}

run "consumers" {
  # The application registers consumers of its own on the streams it reads, may use those, and no others.
  command = apply

  assert {
    condition     = [for s in jsondecode(output.role_policy).Statement : s.Resource if s.Sid == "UseOwnConsumers"] == [["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched/consumer/streaming-etl-flink*:*"]]
    error_message = "it could use another application's consumer"
  }

  assert {
    condition     = !aws_kinesisanalyticsv2_application.this.application_configuration[0].flink_application_configuration[0].parallelism_configuration[0].auto_scaling_enabled
    error_message = "AWS would change the parallelism that Terraform sets"
  }
}

run "polling" {
  command = apply

  variables {
    consumer_prefix = null
  }

  assert {
    condition     = [for s in jsondecode(output.role_policy).Statement : s.Sid] == ["ReadPackage", "FindLog", "WriteLog", "ReadStreams", "WriteStreams"]
    error_message = "it may register consumers"
  }
}

run "in_a_vpc_by_fan_out" {
  command = apply

  variables {
    vpc    = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    access = { read_consumers = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched/consumer/flink:1"], keys = ["arn:aws:kms:us-east-1:123456789012:key/1"] }
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this.application_configuration[0].vpc_configuration[0].security_group_ids == toset([output.security_group_id])
    error_message = "it is not in the VPC"
  }

  assert {
    condition     = [for s in jsondecode(output.role_policy).Statement : s.Sid if contains(s.Resource, "*")] == ["SeeVpc"]
    error_message = "more than what describes has a wildcard resource"
  }

  assert {
    condition     = [for s in jsondecode(output.role_policy).Statement : s.Action if s.Sid == "ReadByFanOut"] == [["kinesis:SubscribeToShard"]]
    error_message = "it could not subscribe"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.this[0].from_port == 443 && aws_vpc_security_group_egress_rule.this[0].to_port == 443
    error_message = "more than HTTPS goes out"
  }
}

run "refuses_wildcards" {
  command = plan

  variables {
    access = { read_streams = ["arn:aws:kinesis:us-east-1:123456789012:stream/*"] }
  }

  expect_failures = [var.access]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name               = "E"
    account_id         = "1"
    runtime            = "SQL-1_0"
    code               = { bucket_arn = "artefacts", key = "app.tar" }
    scaling            = { parallelism = 65, per_kpu = 1 }
    checkpoint_seconds = 1
    consumer_prefix    = "*"
    log_level          = "LOUD"
    log_retention_days = 2
    log_kms_key_arn    = "mine"
    vpc                = { vpc_id = "vpc-1", subnet_ids = [] }
  }

  expect_failures = [var.name, var.account_id, var.runtime, var.code, var.scaling, var.checkpoint_seconds, var.consumer_prefix, var.log_level, var.log_retention_days, var.log_kms_key_arn, var.vpc]
}

run "refuses_many_subtasks" {
  command = plan

  variables {
    scaling = { per_kpu = 9 }
  }

  expect_failures = [var.scaling]
}
