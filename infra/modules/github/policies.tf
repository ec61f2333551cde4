# What those roles may do. Reasons stand beside each statement; README.md tells the whole.

locals {
  state_objects = { for environment in keys(var.environments) : environment => "${var.state_bucket_arn}/${environment}/*" }
  state_through = { StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.name}.amazonaws.com" } }
  state_key     = var.state_key_arn
  made_secrets  = flatten([for system in local.systems : ["${local.account_secrets}:${system}/*", "${local.account_secrets}:${system}-*"]])

  account_secrets = "arn:${local.partition}:secretsmanager:*:${var.account_id}:secret"
  account_roles   = [for system in local.systems : "${local.account_arn}:role/${system}-*"]

  # A plan reads every state and locks none.
  read_state = [
    { Sid = "FindStates", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [var.state_bucket_arn] },
    { Sid = "ReadStates", Effect = "Allow", Action = ["s3:GetObject"], Resource = values(local.state_objects) },
    { Sid = "DecryptStates", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [local.state_key], Condition = local.state_through },
  ]

  # A deployment writes the state of its own environment. The lock is an object beside it, deleted at the end.
  write_state = {
    for environment, objects in local.state_objects : environment => [
      { Sid = "FindState", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [var.state_bucket_arn] },
      { Sid = "WriteState", Effect = "Allow", Action = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], Resource = [objects] },
      { Sid = "UseStateKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [local.state_key], Condition = local.state_through },
    ]
  }

  # ReadOnlyAccess and PowerUserAccess both give what is in streams, tables, buckets and secrets. Terraform needs none of
  # it but states, and the secrets that it made itself.
  no_data = [
    { Sid = "NoObjectsButStates", Effect = "Deny", Action = ["s3:GetObject", "s3:GetObjectVersion"], NotResource = ["${var.state_bucket_arn}/*"] },
    { Sid = "NoSecretsButItsOwn", Effect = "Deny", Action = ["secretsmanager:GetSecretValue"], NotResource = concat(local.made_secrets, var.canary_secret_arns) },
    {
      Sid    = "NoRecords"
      Effect = "Deny"
      Action = [
        "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "kinesis:GetRecords",
        "kinesis:SubscribeToShard", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery",
      ]
      Resource = ["*"]
    },
  ]

  # Roles of its own systems alone, and none without the boundary, or a deployment could give itself everything by way of
  # a role that it makes: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
  bounded_roles = {
    for environment, system in var.environments : environment => [
      {
        Sid       = "MakeBoundedRoles"
        Effect    = "Allow"
        Action    = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = ["${local.account_arn}:role/${system}-*"]
        Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.roles_boundary.arn } }
      },
      {
        Sid    = "KeepRoles"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
          "iam:ListRolePolicies", "iam:ListRoleTags", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
        ]
        Resource = ["${local.account_arn}:role/${system}-*"]
      },
      {
        Sid       = "HandRolesToServices"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = ["${local.account_arn}:role/${system}-*"]
        Condition = { StringEquals = { "iam:PassedToService" = local.services_with_roles } }
      },
    ]
  }
  services_with_roles = [
    "backup.amazonaws.com", "cloudtrail.amazonaws.com", "dms.amazonaws.com", "ecs-tasks.amazonaws.com", "es.amazonaws.com",
    "events.amazonaws.com", "firehose.amazonaws.com", "iot.amazonaws.com", "kinesisanalytics.amazonaws.com", "lambda.amazonaws.com",
    "logs.amazonaws.com", "redshift-serverless.amazonaws.com", "redshift.amazonaws.com", "s3.amazonaws.com",
    "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com",
  ]

  # What environments/bootstrap made is changed by a person: who deploys could else delete the way back.
  not_its_own = [
    {
      Sid    = "NotTheState"
      Effect = "Deny"
      Action = [
        "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
      ]
      Resource = [var.state_bucket_arn, "${var.state_bucket_arn}/*"]
    },
    { Sid = "NotItsKey", Effect = "Deny", Action = ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"], Resource = [local.state_key] },
    {
      Sid      = "NotTheImages"
      Effect   = "Deny"
      Action   = ["ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:PutImage", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy"]
      Resource = var.repository_arns
    },
  ]

  push = [
    # Of no repository: a token for the registry.
    { Sid = "LogIn", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
    {
      Sid    = "PushAndReadScans"
      Effect = "Allow"
      Action = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImageScanFindings",
        "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
      ]
      Resource = var.repository_arns
    },
  ]
}
