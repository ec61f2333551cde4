# Two roles: one reads what is backed up, the other writes what is restored, and only under names of restores.
# The actions are those of AWSBackupServiceRolePolicyForBackup, …ForRestores, …S3Backup and …S3Restore for these two
# services, on this deployment's resources instead of on all:
# https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html

locals {
  arn = {
    partition = data.aws_partition.current.partition
    region    = data.aws_region.current.name
  }
  role_arns = { for role in ["backup", "restore"] : role => "arn:${local.arn.partition}:iam::${var.account_id}:role/${var.name}-${role}" }

  # As that of AWSBackupDefaultServiceRole: AWS names no account that it would say when it takes the role, and a condition
  # on one would end all backups. Who may pass the role on decides: https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  key_arns   = sort(setunion(var.source_kms_key_arns, [var.kms_key_arn]))
  vault_arn  = "arn:${local.arn.partition}:backup:${local.arn.region}:${var.account_id}:backup-vault:${var.name}"
  vault_arns = concat([local.vault_arn], var.copy_vault_arn == null ? [] : [var.copy_vault_arn])

  # Of whatever account and region: a copy is tagged where it arrives.
  recovery_points = "arn:${local.arn.partition}:backup:*:*:recovery-point:*"
  copy = [for statement in [
    {
      Sid      = "CopyBackups"
      Effect   = "Allow"
      Action   = "backup:CopyFromBackupVault"
      Resource = local.recovery_points
    },
  ] : statement if var.copy_vault_arn != null]

  tables  = sort(values(var.table_arns))
  buckets = sort(values(var.bucket_arns))

  # What restores may be called: those of restore tests, and those of the runbook.
  restored_tables = [
    for prefix in ["awsbackup-restore-test-", "${var.name}-restored-"] :
    "arn:${local.arn.partition}:dynamodb:${local.arn.region}:${var.account_id}:table/${prefix}*"
  ]
  restored_buckets = [for prefix in ["awsbackup-restore-test-", "${var.name}-restored-"] : "arn:${local.arn.partition}:s3:::${prefix}*"]

  key_statements = [
    {
      Sid      = "UseKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource = local.key_arns
    },
    {
      Sid       = "GrantKeysToServices"
      Effect    = "Allow"
      Action    = "kms:CreateGrant"
      Resource  = local.key_arns
      Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
    },
  ]

  table_backup = [for statement in [
    {
      Sid      = "BackUpTables"
      Effect   = "Allow"
      Action   = ["dynamodb:CreateBackup", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource", "dynamodb:StartAwsBackupJob"]
      Resource = local.tables
    },
    {
      Sid      = "KeepBackupsOfTables"
      Effect   = "Allow"
      Action   = ["dynamodb:DeleteBackup", "dynamodb:DescribeBackup"]
      Resource = [for arn in local.tables : "${arn}/backup/*"]
    },
  ] : statement if length(local.tables) > 0]

  bucket_backup = [for statement in [
    {
      Sid    = "BackUpBuckets"
      Effect = "Allow"
      Action = [
        "s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketNotification", "s3:GetBucketTagging", "s3:GetBucketVersioning",
        "s3:GetInventoryConfiguration", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListTagsForResource", "s3:PutBucketNotification",
        "s3:PutInventoryConfiguration",
      ]
      Resource = local.buckets
    },
    {
      Sid      = "BackUpObjects"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
      Resource = [for arn in local.buckets : "${arn}/*"]
    },
    {
      # AWS Backup hears of changed objects through rules that it makes itself, under this name.
      Sid    = "KeepRulesOfAwsBackup"
      Effect = "Allow"
      Action = [
        "events:DeleteRule", "events:DescribeRule", "events:DisableRule", "events:EnableRule", "events:ListTargetsByRule",
        "events:PutRule", "events:PutTargets", "events:RemoveTargets",
      ]
      Resource = "arn:${local.arn.partition}:events:${local.arn.region}:${var.account_id}:rule/AwsBackupManagedRule*"
    },
    {
      # AWS takes these three on * alone.
      Sid      = "ReadMetricsAndNames"
      Effect   = "Allow"
      Action   = ["cloudwatch:GetMetricData", "events:ListRules", "s3:ListAllMyBuckets"]
      Resource = "*"
    },
  ] : statement if length(local.buckets) > 0]

  backup_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.table_backup, local.bucket_backup, local.key_statements, local.copy, [
      {
        Sid      = "UseVaults"
        Effect   = "Allow"
        Action   = ["backup:CopyIntoBackupVault", "backup:DescribeBackupVault"]
        Resource = local.vault_arns
      },
      {
        # A backup takes the tags of what it is of.
        Sid      = "TagBackups"
        Effect   = "Allow"
        Action   = "backup:TagResource"
        Resource = local.recovery_points
      },
      {
        # Resources are found by their tags; AWS takes this on * alone.
        Sid      = "FindResources"
        Effect   = "Allow"
        Action   = "tag:GetResources"
        Resource = "*"
      },
    ])
  })

  restore_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for statement in [
        {
          Sid    = "RestoreTables"
          Effect = "Allow"
          Action = [
            "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem",
            "dynamodb:Query", "dynamodb:RestoreTableFromAwsBackup", "dynamodb:Scan", "dynamodb:UpdateItem",
          ]
          Resource = local.restored_tables
        },
        {
          Sid      = "ReadBackupsOfTables"
          Effect   = "Allow"
          Action   = "dynamodb:RestoreTableFromBackup"
          Resource = concat(local.restored_tables, [for arn in local.tables : "${arn}/backup/*"])
        },
      ] : statement if length(local.tables) > 0],
      [for statement in [
        {
          Sid    = "RestoreBuckets"
          Effect = "Allow"
          Action = [
            "s3:CreateBucket", "s3:GetBucketLocation", "s3:GetBucketOwnershipControls", "s3:GetBucketVersioning", "s3:ListBucket",
            "s3:ListBucketVersions", "s3:PutBucketOwnershipControls", "s3:PutBucketVersioning",
          ]
          Resource = local.restored_buckets
        },
        {
          Sid    = "RestoreObjects"
          Effect = "Allow"
          Action = [
            "s3:DeleteObject", "s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionAcl",
            "s3:ListMultipartUploadParts", "s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectVersionAcl",
          ]
          Resource = [for arn in local.restored_buckets : "${arn}/*"]
        },
      ] : statement if length(local.buckets) > 0],
      local.key_statements,
    )
  })
}

resource "aws_iam_role" "backup" {
  name                 = "${var.name}-backup"
  assume_role_policy   = local.trust
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "backup" {
  name   = "backup"
  role   = aws_iam_role.backup.id
  policy = local.backup_policy
}

resource "aws_iam_role" "restore" {
  name                 = "${var.name}-restore"
  assume_role_policy   = local.trust
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "restore" {
  name   = "restore"
  role   = aws_iam_role.restore.id
  policy = local.restore_policy
}
