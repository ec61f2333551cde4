mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "etl-test"
}

run "scanned_and_kept" {
  command = apply

  assert {
    condition     = toset(keys(output.repository_urls)) == toset(["ingest-api", "enricher", "aggregator", "indexer", "console"])
    error_message = "Each service has a repository."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_scanning_configuration[0].scan_on_push && repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "Every image is scanned, and no tag moves."
  }
  assert {
    condition     = aws_ecr_repository.this["enricher"].name == "etl-test-enricher"
    error_message = "Names begin with the prefix."
  }
  assert {
    condition     = alltrue([for policy in aws_ecr_lifecycle_policy.this : jsondecode(policy.policy).rules[1].selection.countNumber == 20 && jsondecode(policy.policy).rules[0].selection.tagStatus == "untagged"])
    error_message = "Old images go."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : !repository.force_delete])
    error_message = "Images are not deleted by mistake."
  }
}

run "own_key" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = aws_ecr_repository.this["console"].encryption_configuration[0].encryption_type == "KMS"
    error_message = "A given key encrypts."
  }
}

run "refuses_no_way_back" {
  command = plan
  variables {
    kept_images = 1
  }
  expect_failures = [var.kept_images]
}

run "refuses_zero_days" {
  command = plan
  variables {
    untagged_days = 0
  }
  expect_failures = [var.untagged_days]
}
