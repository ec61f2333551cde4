mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name             = "etl"
  account_id       = "123456789012"
  repository       = "acme/streaming"
  environments     = { prod = "etl-prod" }
  state_bucket_arn = "arn:aws:s3:::etl-terraform-state-123456789012"
  state_key_arn    = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  repository_arns  = ["arn:aws:ecr:us-east-1:123456789012:repository/etl-enricher"]
}

run "workflows" {
  variables {
    repository         = "acme/streaming"
    environments       = { dev = "etl-dev", prod = "etl-prod" }
    canary_secret_arns = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:etl-canary-key-AbCdEf"]
  }

  assert {
    condition     = toset(keys(output.role_arns)) == toset(["plan", "images", "deploy-dev", "deploy-prod"])
    error_message = "A role for each purpose."
  }
  assert {
    condition = (
      jsondecode(aws_iam_role.this["deploy-prod"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:acme/streaming:environment:prod"]
      && jsondecode(aws_iam_role.this["plan"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:acme/streaming:pull_request", "repo:acme/streaming:ref:refs/heads/main"]
    )
    error_message = "A role is taken by what it is for, without patterns."
  }
  assert {
    condition     = alltrue([for role in values(aws_iam_role.this) : jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"])
    error_message = "A token that is meant for somebody else opens nothing."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement :
      !contains(flatten([statement.Action]), "iam:CreateRole") || try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == output.roles_boundary_arn
    ])
    error_message = "No role is made without the boundary."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement :
      statement.Effect == "Deny" || !strcontains(jsonencode(statement), "etl-dev") && !strcontains(jsonencode(try(statement.Resource, "")), "/dev/")
    ])
    error_message = "Who deploys prod touches neither roles nor state of dev."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : statement.Effect == "Deny" || !strcontains(jsonencode(statement.Action), "Put")])
    error_message = "A pull request writes nothing."
  }
  assert {
    condition     = length(replace(aws_iam_policy.roles_boundary.policy, "/\\s/", "")) <= 6144
    error_message = "A managed policy holds 6,144 characters."
  }
}

run "takes_the_provider_that_is_there" {
  variables {
    repository   = "acme/streaming"
    environments = { prod = "etl-prod" }
    provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && strcontains(aws_iam_role.this["plan"].assume_role_policy, var.provider_arn)
    error_message = "An account has one provider of an address."
  }
}

run "refuses_patterns_of_repositories" {
  command = plan
  variables {
    repository   = "acme/*"
    environments = { prod = "etl-prod" }
  }
  expect_failures = [var.repository]
}

run "refuses_a_system_that_covers_the_roles_themselves" {
  command = plan
  variables {
    repository   = "acme/streaming"
    environments = { prod = "etl" }
  }
  expect_failures = [var.environments]
}

run "refuses_the_name_of_the_images_environment" {
  command = plan
  variables {
    repository   = "acme/streaming"
    environments = { images = "etl-prod" }
  }
  expect_failures = [var.environments]
}
