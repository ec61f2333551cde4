output "service_name" {
  description = "Name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "service_arn" {
  description = "ARN of the ECS service."
  value       = aws_ecs_service.this.id
}

output "task_definition_arn" {
  description = "Revision of the task definition that this configuration wants."
  value       = aws_ecs_task_definition.this.arn
}

output "task_role_arn" {
  description = "Role of the service itself."
  value       = aws_iam_role.task.arn
}

output "task_role_name" {
  description = "Name of that role."
  value       = aws_iam_role.task.name
}

output "execution_role_arn" {
  description = "Role by which ECS starts tasks."
  value       = aws_iam_role.execution.arn
}

output "task_policy" {
  description = "Policy of the task role, as JSON, for policy checks."
  value       = local.task_policy
}

output "execution_policy" {
  description = "Policy of the execution role, as JSON, for policy checks."
  value       = local.execution_policy
}

output "security_group_id" {
  description = "Security group of the tasks, for others to let in."
  value       = aws_security_group.this.id
}

output "log_group_name" {
  description = "Where the logs are."
  value       = aws_cloudwatch_log_group.this.name
}

output "environment" {
  description = "Environment variables of the task, without the secrets."
  value       = var.environment
}

output "secret_names" {
  description = "Environment variables that come from secrets."
  value       = keys(var.secrets)
}
