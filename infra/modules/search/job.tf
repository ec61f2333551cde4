# The task that brings the domain to what the indexer and its readers need: roles, templates, retention, the snapshot
# repository, audit logs, dashboards. Nobody keeps it running: `etl deploy` runs it once after each change, and running it
# again changes nothing.

locals {
  job      = var.job == null ? {} : { this = var.job }
  job_name = "${local.domain_name}-setup"

  job_environment = { for id, job in local.job : id => merge({
    AWS_REGION               = data.aws_region.current.name
    OPENSEARCH_URL           = local.url
    SEARCH_SIGN              = "true"
    SEARCH_INDEXER_ROLES     = join(",", job.indexer_role_arns)
    SEARCH_READER_ROLES      = join(",", job.reader_roles)
    SEARCH_SNAPSHOT_ROLES    = join(",", concat([aws_iam_role.job[id].arn], job.snapshot_role_arns))
    SEARCH_SNAPSHOT_BUCKET   = module.snapshots.name
    SEARCH_SNAPSHOT_ROLE_ARN = aws_iam_role.snapshots.arn
    SEARCH_PARTS             = join(",", concat(["access", "templates", "retention", "snapshots", "dashboards"], var.audit_logs ? ["audit"] : []))
  }, job.environment) }

  # https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshots.html: who registers the
  # repository signs the request, and may pass the role that it names. All else goes by the first user's password.
  job_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "RegisterRepository", Effect = "Allow", Action = ["es:ESHttpPut"], Resource = ["${local.domain_arn}/_snapshot/*"] },
      { Sid = "PassSnapshotRole", Effect = "Allow", Action = ["iam:PassRole"], Resource = [aws_iam_role.snapshots.arn] },
    ]
  })

  job_start_policy = { for id, job in local.job : id => jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "Logs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${aws_cloudwatch_log_group.job[id].arn}:*"] },
        { Sid = "ReadSecret", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = [aws_secretsmanager_secret.this.arn] },
      ],
      job.repository_arn == null ? [] : [
        { Sid = "PullImage", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = [job.repository_arn] },
        # It takes no resource: the token is the account's.
        { Sid = "SignInToRegistry", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
      ],
      var.kms_key_arn == null ? [] : [
        jsondecode(jsonencode({
          Sid       = "DecryptSecret"
          Effect    = "Allow"
          Action    = ["kms:Decrypt"]
          Resource  = [var.kms_key_arn]
          Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${data.aws_region.current.name}.amazonaws.com" } }
        })),
      ],
    )
  }) }

  job_trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.name}:${var.account_id}:*" }
      }
    }]
  })
}

resource "aws_cloudwatch_log_group" "job" {
  for_each          = local.job
  name              = "/${var.name}/search-setup"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "job" {
  for_each             = local.job
  name                 = "${local.job_name}-task"
  description          = "What ${local.job_name} itself may do"
  assume_role_policy   = local.job_trust_policy
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "job" {
  for_each = local.job
  name     = "access"
  role     = aws_iam_role.job[each.key].id
  policy   = local.job_policy
}

resource "aws_iam_role" "job_start" {
  for_each             = local.job
  name                 = "${local.job_name}-execution"
  description          = "What ECS does to start ${local.job_name}"
  assume_role_policy   = local.job_trust_policy
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "job_start" {
  for_each = local.job
  name     = "start"
  role     = aws_iam_role.job_start[each.key].id
  policy   = local.job_start_policy[each.key]
}

resource "aws_security_group" "job" {
  # checkov:skip=CKV2_AWS_5: RunTask attaches it.
  for_each    = local.job
  name        = local.job_name
  description = "Setting up ${local.domain_name}: nothing in, HTTPS out"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = local.job_name })
}

resource "aws_vpc_security_group_egress_rule" "job" {
  for_each          = toset(flatten([for job in local.job : job.cidr_blocks]))
  security_group_id = aws_security_group.job["this"].id
  description       = "HTTPS to the domain and to AWS"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "job_prefix_lists" {
  for_each          = merge([for job in local.job : job.prefix_list_ids]...)
  security_group_id = aws_security_group.job["this"].id
  description       = "HTTPS to ${each.key} by its gateway endpoint"
  prefix_list_id    = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "job" {
  for_each                     = local.job
  security_group_id            = aws_security_group.this.id
  description                  = "HTTPS of ${local.job_name}"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.job[each.key].id
  tags                         = var.tags
}

resource "aws_ecs_task_definition" "job" {
  for_each                 = local.job
  family                   = local.job_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  task_role_arn            = aws_iam_role.job[each.key].arn
  execution_role_arn       = aws_iam_role.job_start[each.key].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = each.value.architecture
  }

  container_definitions = jsonencode([{
    name                   = "search-setup"
    image                  = each.value.image
    essential              = true
    entryPoint             = ["python3", "-m", "indexer.search_setup"]
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    environment            = [for key, value in local.job_environment[each.key] : { name = key, value = value }]
    secrets = [
      { name = "OPENSEARCH_USER", valueFrom = "${aws_secretsmanager_secret.this.arn}:username::" },
      { name = "OPENSEARCH_PASSWORD", valueFrom = "${aws_secretsmanager_secret.this.arn}:password::" },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.job[each.key].name
        "awslogs-region"        = data.aws_region.current.name
        "awslogs-stream-prefix" = "search-setup"
      }
    }
  }])

  # RunTask at once after an apply must find what the task may do.
  depends_on = [aws_iam_role_policy.job, aws_iam_role_policy.job_start]
}
