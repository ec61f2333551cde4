output "state_bucket" {
  description = "Bucket of the states: what backend.hcl names."
  value       = aws_s3_bucket.state.id
}

output "state_key_arn" {
  description = "KMS key of the states: who deploys may use it."
  value       = aws_kms_key.state.arn
}

output "repository_urls" {
  description = "Where images are pushed, by service."
  value       = module.images.repository_urls
}

output "repository_arns" {
  description = "Repositories by service, for the role that pushes."
  value       = module.images.repository_arns
}

output "images" {
  description = "What the system's variable `images` is set to, but for the tag."
  value       = { repository_prefix = trimsuffix(module.images.repository_urls["enricher"], "-enricher") }
}

output "github_role_arns" {
  description = "Roles of the workflows: plan, images, and deploy-ENVIRONMENT of each environment. They become the variables AWS_PLAN_ROLE, AWS_IMAGES_ROLE and, in each environment, AWS_DEPLOY_ROLE on GitHub."
  value       = merge(module.github[*].role_arns...)
}

output "roles_boundary_arn" {
  description = "What the system's variable permissions_boundary_arn is set to where a workflow deploys; null without github."
  value       = one(module.github[*].roles_boundary_arn)
}
