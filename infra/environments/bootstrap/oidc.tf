# Roles that workflows on GitHub take without any stored credential.
module "github" {
  source = "../../modules/github"
  count  = var.github == null ? 0 : 1

  name               = var.name
  account_id         = var.account_id
  repository         = var.github.repository
  branch             = var.github.branch
  environments       = var.github.environments
  provider_arn       = var.github.provider_arn
  canary_secret_arns = var.github.canary_secret_arns
  buckets            = var.github.buckets
  state_bucket_arn   = aws_s3_bucket.state.arn
  state_key_arn      = aws_kms_key.state.arn
  repository_arns    = values(module.images.repository_arns)
  tags               = local.tags
}
