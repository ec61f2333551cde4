output "function_names" {
  description = "Names of the functions by logical name."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "function_arns" {
  description = "ARNs of the functions by logical name: what delivery takes as transform_lambda_arn."
  value       = { for name, function in aws_lambda_function.this : name => function.arn }
}

output "role_arns" {
  description = "ARNs of the functions' roles by logical name."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "role_policies" {
  description = "What each function may do, as JSON, by logical name."
  value       = local.policies
}

output "queue_arns" {
  description = "ARNs of the queues of batches that failed, by logical name."
  value       = { for name, queue in aws_sqs_queue.failed : name => queue.arn }
}

output "queue_names" {
  description = "Names of those queues by logical name, as alarms need them."
  value       = { for name, queue in aws_sqs_queue.failed : name => queue.name }
}

output "log_group_names" {
  description = "Log groups of the functions by logical name."
  value       = { for name, group in aws_cloudwatch_log_group.this : name => group.name }
}
