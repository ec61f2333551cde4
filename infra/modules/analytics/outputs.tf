output "application_name" {
  description = "The application's name."
  value       = aws_kinesisanalyticsv2_application.this.name
}

output "application_arn" {
  description = "The application's ARN."
  value       = aws_kinesisanalyticsv2_application.this.arn
}

output "role_arn" {
  description = "ARN of the application's role."
  value       = aws_iam_role.this.arn
}

output "role_policy" {
  description = "What the application may do, as JSON."
  value       = local.policy
}

output "security_group_id" {
  description = "The application's security group; null outside of a VPC."
  value       = one(aws_security_group.this[*].id)
}

output "log_group_name" {
  description = "The application's log group."
  value       = aws_cloudwatch_log_group.this.name
}
