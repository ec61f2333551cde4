mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "etl-test"
}

run "both_kinds_of_fargate" {
  command = apply

  assert {
    condition     = aws_ecs_cluster_capacity_providers.this.capacity_providers == toset(["FARGATE", "FARGATE_SPOT"])
    error_message = "Services choose between on-demand and Spot."
  }
  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "disabled"
    error_message = "Container Insights costs, so it is asked for."
  }
  assert {
    condition     = length(aws_cloudwatch_log_group.exec) == 0 && output.exec_log_group_arn == null
    error_message = "No way into a container without being asked for."
  }
  assert {
    condition     = output.cluster.name == "etl-test"
    error_message = "The cluster has the system's name."
  }
}

run "sessions_are_logged" {
  command = apply

  variables {
    exec_log_retention_days = 90
    kms_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = aws_ecs_cluster.this.configuration[0].execute_command_configuration[0].logging == "OVERRIDE"
    error_message = "What is typed in a container is kept."
  }
  assert {
    condition     = output.exec_audit.encrypted && output.exec_audit.kms_key_arn == "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555" && output.exec_audit.log_group_arn == output.exec_log_group_arn
    error_message = "Tasks are told where sessions are kept, and by which key."
  }
}

run "refuses_unknown_insights" {
  command = plan
  variables {
    container_insights = "yes"
  }
  expect_failures = [var.container_insights]
}
