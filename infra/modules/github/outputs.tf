output "role_arns" {
  description = "Roles of the workflows: plan, images, and deploy-ENVIRONMENT of each environment."
  value       = { for role, made in aws_iam_role.this : role => made.arn }
}

output "roles_boundary_arn" {
  description = "What roles that a deployment makes may do at most: the system's variable permissions_boundary_arn."
  value       = aws_iam_policy.roles_boundary.arn
}
