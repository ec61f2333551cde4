mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  account_id = "123456789012"
}

run "tables_and_bucket" {
  # The services' tables with the keys that their code uses, restorable, protected, and the bucket beside them.
  command = apply

  assert {
    condition = { for name, table in aws_dynamodb_table.this : name => table.hash_key } == {
      enricher-leases             = "leaseKey"
      aggregator-leases           = "leaseKey"
      aggregator-exchange-leases  = "leaseKey"
      aggregator-alert-leases     = "leaseKey"
      indexer-leases-enriched     = "leaseKey"
      indexer-leases-aggregates   = "leaseKey"
      indexer-leases-alerts       = "leaseKey"
      indexer-leases-late         = "leaseKey"
      indexer-leases-dead-letters = "leaseKey"
      aggregator-state            = "application"
    }
    error_message = "the tables are not those of the services"
  }

  assert {
    condition     = alltrue([for name, table in aws_dynamodb_table.this : table.name == "etl-test-${name}" && table.billing_mode == "PAY_PER_REQUEST" && table.deletion_protection_enabled])
    error_message = "a table is not protected, or not called by its name"
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].enabled && table.point_in_time_recovery[0].recovery_period_in_days == 7])
    error_message = "a table cannot be restored"
  }

  assert {
    condition     = output.bucket_name == "etl-test-state-123456789012-us-east-1" && output.restore_window_days == 7
    error_message = "the bucket differs"
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : length(table.server_side_encryption) == 0])
    error_message = "a key that nobody gave would be used"
  }
}

run "own_key_and_window" {
  command = apply

  variables {
    kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/1"
    recovery_days = 35
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.server_side_encryption[0].kms_key_arn == var.kms_key_arn && table.point_in_time_recovery[0].recovery_period_in_days == 35])
    error_message = "the key or the window is not used"
  }
}

run "refuses_long_windows" {
  command = plan

  variables {
    recovery_days = 36
  }

  expect_failures = [var.recovery_days]
}

run "refuses_bad_names" {
  command = plan

  variables {
    name         = "a-name-that-is-far-too-long-for-a-bucket"
    account_id   = "12345"
    kms_key_arn  = "1"
    lease_tables = ["Leases"]
    state_tables = ["a_b"]
  }

  expect_failures = [var.name, var.account_id, var.kms_key_arn, var.lease_tables, var.state_tables]
}

run "refuses_one_table_for_both" {
  command = plan

  variables {
    state_tables = ["enricher-leases"]
  }

  expect_failures = [aws_dynamodb_table.this]
}
