mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account_id = "123456789012"
}

run "a_place_for_states" {
  command = plan

  assert {
    condition     = aws_s3_bucket.state.bucket == "etl-terraform-state-123456789012"
    error_message = "The bucket's name holds the account, since names are unique in all of AWS."
  }
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "A damaged state can be replaced by the one before."
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.state.restrict_public_buckets && aws_s3_bucket_public_access_block.state.block_public_acls
    error_message = "Nobody outside reads a state."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "States are encrypted by a key of one's own."
  }
  assert {
    condition     = toset(keys(module.images.repository_urls)) == toset(["ingest-api", "enricher", "aggregator", "indexer", "console"])
    error_message = "Every service's image has a place."
  }
}

run "refuses_hasty_forgetting" {
  command = plan
  variables {
    state_recovery_days = 1
  }
  expect_failures = [var.state_recovery_days]
}

run "no_workflow_unless_asked_for" {
  command = plan

  assert {
    condition     = length(module.github) == 0 && output.roles_boundary_arn == null && length(output.github_role_arns) == 0
    error_message = "Nobody outside can take a role where no repository is named."
  }
}

run "roles_of_a_repository" {
  command = plan
  variables {
    github = { repository = "acme/streaming", environments = { prod = "etl-prod" } }
  }

  assert {
    condition     = length(module.github) == 1
    error_message = "A repository that is named gets its roles."
  }
}
