output "filter_names" {
  description = "Names of the subscription filters by logical name."
  value       = { for name, filter in aws_cloudwatch_log_subscription_filter.this : name => filter.name }
}

output "role_arn" {
  description = "ARN of the role that CloudWatch Logs delivers by."
  value       = aws_iam_role.this.arn
}

output "role_policy" {
  description = "What the role may do, as JSON."
  value       = local.policy
}
