# What any role of a system may ever do, whatever policy a deployment gives it: the actions that the modules' roles have
# (tests/unit/infra/test_boundaries.py compares), on this account's resources alone. It allows nothing by itself.

locals {
  # Actions that take no resource.
  bounded_anywhere = [
    "cloudwatch:GetMetricData", "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken", "events:ListRules", "logs:DescribeLogGroups", "redshift-data:CancelStatement",
    "redshift-data:DescribeStatement", "redshift-data:GetStatementResult", "s3:ListAllMyBuckets",
    "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel", "tag:GetResources", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
  ]

  # By the service in their ARNs.
  bounded = {
    backup = ["CopyFromBackupVault", "CopyIntoBackupVault", "DescribeBackupVault", "TagResource"]
    dynamodb = [
      "BatchWriteItem", "CreateBackup", "DeleteBackup", "DeleteItem", "DescribeBackup", "DescribeTable", "GetItem",
      "ListTagsOfResource", "PutItem", "Query", "RestoreTableFromAwsBackup", "RestoreTableFromBackup", "Scan",
      "StartAwsBackupJob", "UpdateItem",
    ]
    ec2 = [
      "AssignPrivateIpAddresses", "CreateNetworkInterface", "CreateNetworkInterfacePermission", "DeleteNetworkInterface",
      "UnassignPrivateIpAddresses",
    ]
    ecr      = ["BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"]
    es       = ["ESHttpDelete", "ESHttpGet", "ESHttpHead", "ESHttpPatch", "ESHttpPost", "ESHttpPut"]
    events   = ["DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTargetsByRule", "PutRule", "PutTargets", "RemoveTargets"]
    firehose = ["PutRecordBatch"]
    glue     = ["GetTable", "GetTableVersion", "GetTableVersions"]
    kinesis = [
      "DeregisterStreamConsumer", "DescribeStream", "DescribeStreamConsumer", "DescribeStreamSummary", "GetRecords",
      "GetShardIterator", "ListShards", "PutRecord", "PutRecords", "RegisterStreamConsumer", "SubscribeToShard", "UpdateShardCount",
    ]
    kms                   = ["CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"]
    lambda                = ["GetFunctionConfiguration", "InvokeFunction"]
    logs                  = ["CreateLogStream", "DescribeLogStreams", "PutLogEvents"]
    "redshift-serverless" = ["GetCredentials"]
    secretsmanager        = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
    sns                   = ["Publish"]
    sqs                   = ["SendMessage"]
  }
  bounded_objects = [
    "AbortMultipartUpload", "CreateBucket", "DeleteObject", "GetBucketAcl", "GetBucketLocation", "GetBucketNotification",
    "GetBucketOwnershipControls", "GetBucketTagging", "GetBucketVersioning", "GetInventoryConfiguration", "GetObject", "GetObjectAcl",
    "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "GetObjectVersion", "GetObjectVersionAcl",
    "GetObjectVersionForReplication", "GetObjectVersionTagging", "GetReplicationConfiguration", "ListBucket",
    "ListBucketMultipartUploads", "ListBucketVersions", "ListMultipartUploadParts", "ListTagsForResource", "PutBucketNotification",
    "PutBucketOwnershipControls", "PutBucketVersioning", "PutInventoryConfiguration", "PutObject", "PutObjectAcl",
    "PutObjectTagging", "PutObjectVersionAcl", "ReplicateObject", "ReplicateTags",
  ]

  boundary = concat(
    [{ Effect = "Allow", Action = local.bounded_anywhere, Resource = ["*"] }],
    [
      for service, actions in local.bounded : {
        Effect   = "Allow"
        Action   = [for action in actions : "${service}:${action}"]
        Resource = ["arn:${local.partition}:${service}:*:${var.account_id}:*"]
      }
    ],
    [
      { Effect = "Allow", Action = ["redshift-data:ExecuteStatement"], Resource = ["arn:${local.partition}:redshift-serverless:*:${var.account_id}:*"] },
      { Effect = "Allow", Action = ["iam:PassRole"], Resource = local.account_roles },
      {
        # Names of buckets tell no account.
        Effect   = "Allow"
        Action   = [for action in local.bounded_objects : "s3:${action}"]
        Resource = flatten([for bucket in concat([for system in local.systems : "${system}-*"], var.buckets) : ["arn:${local.partition}:s3:::${bucket}", "arn:${local.partition}:s3:::${bucket}/*"]])
      },
    ],
  )
}

resource "aws_iam_policy" "roles_boundary" {
  name        = "${var.name}-roles-boundary"
  description = "What roles that a deployment makes may do at most"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.boundary })
  tags        = var.tags
}
