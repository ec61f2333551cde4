mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                = "etl-test"
  account_id          = "123456789012"
  kms_key_arn         = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  source_kms_key_arns = ["arn:aws:kms:us-east-1:123456789012:key/66666666-2222-3333-4444-555555555555"]
  table_arns          = { aggregator-state = "arn:aws:dynamodb:us-east-1:123456789012:table/etl-test-aggregator-state" }
}

run "tables_every_night" {
  command = plan

  assert {
    condition     = aws_backup_plan.this.rule != null && one(aws_backup_plan.this.rule).schedule == "cron(15 3 * * ? *)" && one(one(aws_backup_plan.this.rule).lifecycle).delete_after == 35
    error_message = "every night, kept for 35 days"
  }
  assert {
    condition     = length(aws_backup_selection.tables) == 1 && length(aws_backup_plan.buckets) == 0
    error_message = "without buckets there is no plan for them"
  }
  assert {
    condition     = length(aws_backup_vault_lock_configuration.this) == 0 && length(aws_backup_restore_testing_plan.this) == 0 && length(aws_cloudwatch_event_rule.failed) == 0
    error_message = "lock, restore tests and messages are asked for"
  }
  assert {
    condition     = alltrue([for statement in jsondecode(output.role_policies.backup).Statement : statement.Sid == "FindResources" || statement.Resource != "*"])
    error_message = "one statement of the tables' role is on everything, since AWS takes it on nothing else"
  }
  assert {
    condition     = !strcontains(output.role_policies.backup, "s3:") && !strcontains(output.role_policies.restore, "s3:")
    error_message = "without buckets there are no rights on any"
  }
  assert {
    condition     = alltrue([for statement in jsondecode(output.role_policies.restore).Statement : alltrue([for arn in flatten([statement.Resource]) : arn != "*"])])
    error_message = "the restoring role has no right on everything"
  }
  assert {
    condition     = alltrue([for statement in jsondecode(output.role_policies.restore).Statement : !contains(flatten([statement.Resource]), "arn:aws:dynamodb:us-east-1:123456789012:table/etl-test-aggregator-state")])
    error_message = "the restoring role cannot write a table that is in use"
  }
}

run "everything" {
  command = plan

  variables {
    bucket_arns        = { state = "arn:aws:s3:::etl-test-state-123456789012" }
    continuous_buckets = true
    retention_days     = 90
    copy_vault_arn     = "arn:aws:backup:eu-west-1:123456789012:backup-vault:etl-test"
    vault_lock         = { mode = "compliance" }
    restore_test       = {}
    topic              = { arn = "arn:aws:sns:us-east-1:123456789012:etl-test-ticket" }
  }

  assert {
    condition     = one(one(aws_backup_plan.buckets["buckets"].rule).lifecycle).delete_after == 35 && one(aws_backup_plan.buckets["buckets"].rule).enable_continuous_backup
    error_message = "continuous backups are kept for 35 days at the most"
  }
  assert {
    condition     = length(one(aws_backup_plan.this.rule).copy_action) == 1
    error_message = "backups are copied"
  }
  assert {
    condition     = aws_backup_vault_lock_configuration.this["lock"].changeable_for_days == 3
    error_message = "a compliance lock can be thought over for three days"
  }
  assert {
    condition     = keys(aws_backup_restore_testing_selection.this) == ["DynamoDB", "S3"] && aws_backup_restore_testing_plan.this["test"].name == "etl_test"
    error_message = "tables and buckets are restored to see whether it can be done"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.failed["restore"].event_pattern).detail.iamRoleArn == ["arn:aws:iam::123456789012:role/etl-test-restore"]
    error_message = "only this deployment's jobs are told of"
  }
  assert {
    condition     = contains(one([for statement in jsondecode(output.role_policies.backup).Statement : statement if statement.Sid == "UseVaults"]).Resource, "arn:aws:backup:eu-west-1:123456789012:backup-vault:etl-test")
    error_message = "the other vault may be copied into"
  }
  assert {
    condition     = one([for statement in jsondecode(output.role_policies.backup).Statement : statement if statement.Sid == "BackUpObjects"]).Resource == ["arn:aws:s3:::etl-test-state-123456789012/*"]
    error_message = "objects of these buckets alone are read"
  }
}

# What AWS's managed policies give for DynamoDB, S3 and vaults: AWSBackupServiceRolePolicyForBackup (v29),
# AWSBackupServiceRolePolicyForS3Backup (v5), AWSBackupServiceRolePolicyForRestores (v25) and
# AWSBackupServiceRolePolicyForS3Restore (v2), https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html
run "the_roles_may_what_awss_own_policies_let" {
  command = plan

  variables {
    bucket_arns    = { state = "arn:aws:s3:::etl-test-state-123456789012" }
    copy_vault_arn = "arn:aws:backup:eu-west-1:123456789012:backup-vault:etl-test"
  }

  assert {
    condition = length(setsubtract([
      "backup:CopyFromBackupVault", "backup:CopyIntoBackupVault", "backup:DescribeBackupVault", "backup:TagResource", "cloudwatch:GetMetricData",
      "dynamodb:CreateBackup", "dynamodb:DeleteBackup", "dynamodb:DescribeBackup", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource",
      "dynamodb:StartAwsBackupJob", "events:DeleteRule", "events:DescribeRule", "events:DisableRule", "events:EnableRule", "events:ListRules",
      "events:ListTargetsByRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "kms:CreateGrant", "kms:Decrypt",
      "kms:DescribeKey", "kms:GenerateDataKey", "s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketNotification", "s3:GetBucketTagging",
      "s3:GetBucketVersioning", "s3:GetInventoryConfiguration", "s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging", "s3:GetObjectVersion",
      "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging", "s3:ListAllMyBuckets", "s3:ListBucket", "s3:ListBucketVersions",
      "s3:ListTagsForResource", "s3:PutBucketNotification", "s3:PutInventoryConfiguration", "tag:GetResources",
    ], flatten([for statement in jsondecode(output.role_policies.backup).Statement : statement.Action]))) == 0
    error_message = "a backup or copy job would be refused"
  }
  assert {
    condition = length(setsubtract([
      "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
      "dynamodb:RestoreTableFromAwsBackup", "dynamodb:RestoreTableFromBackup", "dynamodb:Scan", "dynamodb:UpdateItem", "kms:CreateGrant",
      "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom",
      "kms:ReEncryptTo", "s3:CreateBucket", "s3:DeleteObject", "s3:GetBucketLocation", "s3:GetBucketOwnershipControls", "s3:GetBucketVersioning",
      "s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionAcl", "s3:ListBucket",
      "s3:ListBucketVersions", "s3:ListMultipartUploadParts", "s3:PutBucketOwnershipControls", "s3:PutBucketVersioning", "s3:PutObject",
      "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectVersionAcl",
    ], flatten([for statement in jsondecode(output.role_policies.restore).Statement : statement.Action]))) == 0
    error_message = "a restore job would be refused"
  }
}

run "aws_backup_can_take_the_roles" {
  command = plan

  assert {
    condition     = alltrue([for role in [aws_iam_role.backup, aws_iam_role.restore] : jsondecode(role.assume_role_policy).Statement == [{ Effect = "Allow", Principal = { Service = "backup.amazonaws.com" }, Action = "sts:AssumeRole" }]])
    error_message = "a condition that AWS Backup does not meet ends all backups"
  }
}

run "a_trial_can_be_destroyed" {
  command = plan

  variables {
    deletable = true
  }

  assert {
    condition     = aws_backup_vault.this.force_destroy
    error_message = "AWS deletes no vault that holds a backup"
  }
}

run "a_governance_lock_can_always_be_lifted" {
  command = plan

  variables {
    vault_lock = { mode = "governance" }
  }

  assert {
    condition     = aws_backup_vault_lock_configuration.this["lock"].changeable_for_days == null
    error_message = "changeable_for_days is what makes a lock one of compliance"
  }
}

run "a_lock_that_no_backup_fits_is_refused" {
  command = plan

  variables {
    vault_lock = { mode = "governance", min_retention_days = 60 }
  }

  expect_failures = [var.vault_lock]
}

run "an_unknown_lock_is_refused" {
  command = plan

  variables {
    vault_lock = { mode = "strict" }
  }

  expect_failures = [var.vault_lock]
}

run "a_bucket_with_a_path_is_refused" {
  command = plan

  variables {
    bucket_arns = { state = "arn:aws:s3:::etl-test/state" }
  }

  expect_failures = [var.bucket_arns]
}
