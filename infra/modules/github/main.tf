# Who deploys from GitHub, without any stored credential: roles that a workflow takes by the token that GitHub signs for
# the run. The token's subject says which repository and what for; each role is taken for one purpose alone.
# https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws

data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition    = data.aws_partition.current.partition
  account_arn  = "arn:${local.partition}:iam::${var.account_id}"
  provider_arn = var.provider_arn != null ? var.provider_arn : aws_iam_openid_connect_provider.github[0].arn

  # Pull requests and the default branch plan; the environment `images` pushes, which GitHub lets the default branch alone use; an environment
  # deploys once its reviewers agreed.
  subjects = merge(
    {
      plan   = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"]
      images = ["repo:${var.repository}:environment:images"]
    },
    { for environment, system in var.environments : "deploy-${environment}" => ["repo:${var.repository}:environment:${environment}"] },
  )
  systems    = toset(values(var.environments))
  role_names = { for role in keys(local.subjects) : role => "${var.name}-github-${role}" }
  trust = {
    for role, subject in local.subjects : role => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = local.provider_arn }
        Condition = {
          StringEquals = {
            "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
            "token.actions.githubusercontent.com:sub" = subject
          }
        }
      }]
    })
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

resource "aws_iam_role" "this" {
  for_each = local.subjects

  name                 = local.role_names[each.key]
  description          = "GitHub Actions: ${join(", ", each.value)}"
  assume_role_policy   = local.trust[each.key]
  max_session_duration = 3600
  tags                 = var.tags
}

# Everything that a plan refreshes is a read of configuration; of data the inline policy takes away what AWS gives.
resource "aws_iam_role_policy_attachment" "plan" {
  role       = aws_iam_role.this["plan"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess"
}

# Terraform makes things of some thirty services. This has all but IAM, which policies.tf bounds.
resource "aws_iam_role_policy_attachment" "deploy" {
  for_each = var.environments

  role       = aws_iam_role.this["deploy-${each.key}"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/PowerUserAccess"
}

resource "aws_iam_role_policy" "plan" {
  name   = "state-and-no-data"
  role   = aws_iam_role.this["plan"].id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.read_state, local.no_data) })
}

resource "aws_iam_role_policy" "images" {
  name   = "push"
  role   = aws_iam_role.this["images"].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.push })
}

resource "aws_iam_role_policy" "deploy" {
  for_each = var.environments

  name = "state-and-bounded-roles"
  role = aws_iam_role.this["deploy-${each.key}"].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.write_state[each.key], local.bounded_roles[each.key], local.no_data, local.not_its_own)
  })
}
