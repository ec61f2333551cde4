mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  account_id = "123456789012"
}

run "a_key_a_domain" {
  command = apply

  assert {
    condition     = toset(keys(output.key_arns)) == toset(["streams", "lake", "state", "search", "warehouse", "logs", "secrets", "alerts"]) && length(aws_kms_key.this) == 8
    error_message = "Each domain has a key of its own."
  }
  assert {
    condition     = alltrue([for key in aws_kms_key.this : key.enable_key_rotation])
    error_message = "Keys rotate every year."
  }
  assert {
    condition     = jsondecode(output.policies.logs).Statement[1].Principal.Service[0] == "logs.us-east-1.amazonaws.com" && jsondecode(output.policies.logs).Statement[1].Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"] == "arn:aws:logs:us-east-1:123456789012:*"
    error_message = "CloudWatch Logs uses its key for this account's groups alone."
  }
  assert {
    condition     = contains(jsondecode(output.policies.alerts).Statement[1].Principal.Service, "cloudwatch.amazonaws.com")
    error_message = "An alarm can publish to an encrypted topic."
  }
  assert {
    condition     = [for statement in jsondecode(output.policies.alerts).Statement : try(statement.Condition, null) if contains(try(flatten([statement.Principal.Service]), []), "events.amazonaws.com")] == [null]
    error_message = "EventBridge publishes to an encrypted topic without saying its account: a condition would drop its messages."
  }
  assert {
    condition     = length(jsondecode(output.policies.streams).Statement) == 1
    error_message = "No service uses the streams' key but in a role's name."
  }
}

run "one_key_for_all" {
  command = apply

  variables {
    shared = true
  }

  assert {
    condition     = length(aws_kms_key.this) == 1 && length(distinct(values(output.key_arns))) == 1 && length(output.key_arns) == 8
    error_message = "One key stands behind all domains."
  }
  assert {
    condition     = length(jsondecode(output.policies.shared).Statement) == 4
    error_message = "It lets in the services of every domain."
  }
}

run "refuses_unknown_domains" {
  command = plan
  variables {
    domains = ["kinesis"]
  }
  expect_failures = [var.domains]
}

run "refuses_no_account" {
  command = plan
  variables {
    account_id = "etl"
  }
  expect_failures = [var.account_id]
}

run "refuses_hasty_deletion" {
  command = plan
  variables {
    deletion_window_days = 3
  }
  expect_failures = [var.deletion_window_days]
}
