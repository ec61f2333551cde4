mock_provider "aws" {
  source = "../../tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  account_id = "123456789012"
}

run "tiers" {
  # What is archived grows cheaper with age and is kept; what failed is kept for a while.
  command = apply

  assert {
    condition     = [for step in output.lifecycle_rules["enriched"].transitions : "${step.days} ${step.storage_class}"] == ["30 STANDARD_IA", "90 GLACIER_IR", "365 DEEP_ARCHIVE"]
    error_message = "transitions differ"
  }

  assert {
    condition     = toset(keys(output.lifecycle_rules)) == toset(["enriched", "aggregates", "dead-letters", "dead-letter-originals", "errors", "source"])
    error_message = "a prefix that the pipeline writes has no rule"
  }

  assert {
    condition     = output.lifecycle_rules["enriched"].expiration_days == null && output.lifecycle_rules["errors"].expiration_days == 90
    error_message = "the archive would be deleted, or failures kept for ever"
  }

  assert {
    condition     = output.bucket_name == "etl-test-archive-123456789012-us-east-1" && output.access_log_bucket == "etl-test-access-123456789012-us-east-1"
    error_message = "names differ"
  }

  assert {
    condition     = toset(keys(output.bucket_arns)) == toset(["archive", "access_logs"])
    error_message = "there is a bucket that nobody asked for"
  }
}

run "fewest_buckets" {
  command = apply

  variables {
    access_logs = false
    tiers       = { instant = 1, expire = 91 }
  }

  assert {
    condition     = keys(output.bucket_arns) == ["archive"] && output.access_log_bucket == null
    error_message = "there is a bucket that nobody asked for"
  }

  assert {
    condition     = [for step in output.lifecycle_rules["enriched"].transitions : "${step.days} ${step.storage_class}"] == ["1 GLACIER_IR"] && output.lifecycle_rules["enriched"].expiration_days == 91
    error_message = "tiers differ"
  }
}

run "replica" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    replication = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/2" }
    object_lock = { mode = "GOVERNANCE", days = 30 }
  }

  assert {
    condition     = toset(keys(output.bucket_arns)) == toset(["archive", "replica", "access_logs"])
    error_message = "there is no copy"
  }
}

run "refuses_fees_for_early_moves" {
  # S3 bills 90 days of GLACIER_IR at least: moving on after 60 costs more than it saves.
  command = plan

  variables {
    tiers = { instant = 90, flexible = 150 }
  }

  expect_failures = [var.tiers]
}

run "refuses_early_infrequent_access" {
  command = plan

  variables {
    tiers = { infrequent_access = 10 }
  }

  expect_failures = [var.tiers]
}

run "refuses_short_lives" {
  command = plan

  variables {
    data_prefixes        = ["enriched"]
    error_retention_days = 1
    noncurrent_days      = 0
    access_log_days      = 0
    object_lock          = { mode = "GOVERNANCE", days = 0 }
  }

  expect_failures = [var.data_prefixes, var.error_retention_days, var.noncurrent_days, var.access_log_days, var.object_lock]
}

run "refuses_copies_without_their_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    replication = { storage_class = "COLD" }
  }

  expect_failures = [var.replication]
}

run "refuses_bad_names" {
  command = plan

  variables {
    name        = "Etl"
    account_id  = "1"
    kms_key_arn = "mine"
  }

  expect_failures = [var.name, var.account_id, var.kms_key_arn]
}
