mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "etl-test-things"
}

run "closed_by_default" {
  # Nothing is public, nothing goes over plain HTTP or old TLS, everything is encrypted and versioned.
  command = apply

  assert {
    condition = alltrue([aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
    aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets])
    error_message = "some public access is not blocked"
  }

  assert {
    condition     = { for s in jsondecode(output.policy).Statement : s.Sid => [s.Effect, s.Action, s.Principal] } == { DenyPlainHttp = ["Deny", "s3:*", "*"], DenyOldTls = ["Deny", "s3:*", "*"] }
    error_message = "the policy does not deny plain HTTP and old TLS, and nothing else"
  }

  assert {
    condition     = jsondecode(output.policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } } && jsondecode(output.policy).Statement[1].Condition == { NumericLessThan = { "s3:TlsVersion" = 1.2 } } || jsondecode(output.policy).Statement[1].Condition.NumericLessThan["s3:TlsVersion"] == "1.2"
    error_message = "the conditions are not those of AWS's documentation"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "objects are not encrypted by default"
  }

  assert {
    condition     = length(aws_s3_bucket_versioning.this) == 1 && one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "versions or ownership are not as they should be"
  }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this.rule).abort_incomplete_multipart_upload[0].days_after_initiation == 7
    error_message = "uploads that were left cost money for ever"
  }

  assert {
    condition     = length(aws_iam_role.replication) + length(aws_s3_bucket_object_lock_configuration.this) + length(aws_s3_bucket_logging.this) == 0
    error_message = "an option is on that nobody asked for"
  }
}

run "own_key" {
  # With a key of one's own objects are encrypted by it, through a bucket key, which saves most calls to KMS.
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled && one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "the key is not used"
  }
}

run "rules_lock_logs" {
  # Lifecycle rules, object lock and access logs are what was asked for.
  command = apply

  variables {
    access_log_bucket = "logs"
    object_lock       = { mode = "COMPLIANCE", days = 30 }
    rules = {
      old = { prefix = "old/", transitions = [{ days = 30, storage_class = "STANDARD_IA" }, { days = 90, storage_class = "GLACIER_IR" }], expiration_days = 400, noncurrent_days = 9 }
    }
  }

  assert {
    condition     = [for t in one(aws_s3_bucket_lifecycle_configuration.this.rule).transition : "${t.days} ${t.storage_class}"] == ["30 STANDARD_IA", "90 GLACIER_IR"]
    error_message = "transitions differ"
  }

  assert {
    condition     = one(one(aws_s3_bucket_lifecycle_configuration.this.rule).expiration).days == 400 && one(one(aws_s3_bucket_lifecycle_configuration.this.rule).noncurrent_version_expiration).noncurrent_days == 9
    error_message = "expiration differs"
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && one(one(aws_s3_bucket_object_lock_configuration.this[0].rule).default_retention).mode == "COMPLIANCE"
    error_message = "objects are not locked"
  }

  assert {
    condition     = aws_s3_bucket_logging.this[0].target_prefix == "etl-test-things/"
    error_message = "access logs of several buckets would mix"
  }
}

run "replication" {
  # The role may read this bucket, write the other, use both keys, and nothing else; deletions are not copied.
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/source"
    replication = {
      destination_bucket_arn  = "arn:aws:s3:::copies"
      destination_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/destination"
      prefixes                = ["a/", "b/c/"]
    }
  }

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.replication["this"].policy).Statement : s.Sid => s.Resource } == {
      ReadSource   = "arn:aws:s3:::mocked"
      ReadVersions = "arn:aws:s3:::mocked/*"
      WriteCopies  = "arn:aws:s3:::copies/*"
      Decrypt      = "arn:aws:kms:us-east-1:123456789012:key/source"
      Encrypt      = "arn:aws:kms:eu-west-1:123456789012:key/destination"
    }
    error_message = "the role reaches something else"
  }

  assert {
    condition     = !contains(flatten([for s in jsondecode(aws_iam_role_policy.replication["this"].policy).Statement : s.Action]), "s3:ReplicateDelete")
    error_message = "the role may delete copies"
  }

  assert {
    condition     = [for r in aws_s3_bucket_replication_configuration.this["this"].rule : "${r.id} ${r.filter[0].prefix} ${r.delete_marker_replication[0].status}"] == ["a a/ Disabled", "b-c b/c/ Disabled"]
    error_message = "the rules differ"
  }

  assert {
    condition     = length(aws_s3_bucket_replication_configuration.this["this"].rule[0].source_selection_criteria) == 1 && aws_s3_bucket_replication_configuration.this["this"].rule[0].destination[0].encryption_configuration[0].replica_kms_key_id == var.replication.destination_kms_key_arn
    error_message = "encrypted objects would not be copied"
  }
}

run "refuses_bad_names" {
  command = plan

  variables {
    name        = "With.Dots"
    kms_key_arn = "alias/mine"
  }

  expect_failures = [var.name, var.kms_key_arn]
}

run "refuses_bad_rules" {
  command = plan

  variables {
    rules = {
      class = { transitions = [{ days = 1, storage_class = "COLD" }] }
      order = { transitions = [{ days = 90, storage_class = "GLACIER" }], expiration_days = 90 }
    }
  }

  expect_failures = [var.rules]
}

run "refuses_bad_lock" {
  command = plan

  variables {
    object_lock = { mode = "SOFT", days = 0 }
    replication = { destination_bucket_arn = "copies" }
  }

  expect_failures = [var.object_lock, var.replication]
}

run "refuses_lock_without_versions" {
  command = plan

  variables {
    versioning  = false
    object_lock = { mode = "GOVERNANCE", days = 1 }
  }

  expect_failures = [aws_s3_bucket.this]
}
