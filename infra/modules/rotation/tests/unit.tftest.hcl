mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name         = "etl-test"
  account_id   = "123456789012"
  kms_key_arn  = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  package_path = "tests/empty.zip"
  ingest_url   = "https://ingest.example.com"
  senders = {
    shop   = { tenant = "acme", days = 7 }
    canary = { tenant = "default" }
  }
}

run "each_sender_has_a_secret_that_is_rotated" {
  assert {
    condition     = { for name, rotation in aws_secretsmanager_secret_rotation.key : name => rotation.rotation_rules[0].automatically_after_days } == { canary = 30, shop = 7 }
    error_message = "Each by its own days."
  }

  assert {
    condition     = alltrue([for secret in concat(values(aws_secretsmanager_secret.key), [aws_secretsmanager_secret.list]) : secret.kms_key_id == var.kms_key_arn])
    error_message = "All encrypted with the given key."
  }

  assert {
    condition     = alltrue([for version in values(aws_secretsmanager_secret_version.key) : !contains(keys(jsondecode(version.secret_string)), "api_key")])
    error_message = "Terraform's state holds no key."
  }
}

run "function_knows_them" {
  assert {
    condition = [for sender in jsondecode(aws_lambda_function.this.environment[0].variables.ROTATE_SENDERS) : "${sender.name} ${sender.tenant}"] == [
      "canary default", "shop acme",
    ]
    error_message = "Names and tenants are Terraform's, not what a secret's text says."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables.ROTATE_SETTLE_SECONDS == "130" && aws_lambda_function.this.timeout == 370
    error_message = "It waits for twice the interval of ingest-api, and has the time for it."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables.ROTATE_INGEST_URL == "https://ingest.example.com"
    error_message = "A key is tried where senders send."
  }

  assert {
    condition     = alltrue([for permission in values(aws_lambda_permission.secrets) : permission.principal == "secretsmanager.amazonaws.com" && permission.source_account == "123456789012"])
    error_message = "Secrets Manager calls it, for secrets of this account."
  }
}

run "role_may_do_exactly_this" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => toset(flatten([statement.Action])) } == {
      RotateKeys   = toset(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"])
      WriteTheList = toset(["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"])
      UseTheKey    = toset(["kms:Decrypt", "kms:GenerateDataKey"])
      WriteLogs    = toset(["logs:CreateLogStream", "logs:PutLogEvents"])
    }
    error_message = "The actions that functions/rotate calls, and no other."
  }

  assert {
    condition     = !anytrue([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : contains(flatten([statement.Resource]), "*")])
    error_message = "Nothing on every resource."
  }
}

run "a_failed_rotation_is_told" {
  variables {
    alarm_topic_arns = ["arn:aws:sns:us-east-1:123456789012:ticket"]
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.failed.threshold == 1 && aws_cloudwatch_metric_alarm.failed.evaluation_periods == 1 && aws_cloudwatch_metric_alarm.failed.alarm_actions == toset(var.alarm_topic_arns)
    error_message = "One failure in an hour is enough: a rotation comes once a month."
  }
}

run "without_an_address_the_wait_counts" {
  variables {
    ingest_url           = null
    refresh_seconds      = 20
    recovery_window_days = 0
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.this.environment[0].variables), "ROTATE_INGEST_URL") && aws_lambda_function.this.environment[0].variables.ROTATE_SETTLE_SECONDS == "50"
    error_message = "Nothing is asked, and the wait follows the interval."
  }
}

run "refuses_names_that_the_ingest_api_would_not_take" {
  command = plan

  variables {
    senders = { "my shop" = { tenant = "acme" } }
  }

  expect_failures = [var.senders]
}

run "refuses_half_days" {
  command = plan

  variables {
    senders = { shop = { tenant = "acme", days = 0.5 } }
  }

  expect_failures = [var.senders]
}

run "refuses_a_wait_longer_than_lambda_gives" {
  command = plan

  variables {
    refresh_seconds = 600
  }

  expect_failures = [var.refresh_seconds]
}
