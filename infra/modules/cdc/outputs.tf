output "security_group_id" {
  description = "Security group of the task or the replication instance: the database must let it in."
  value       = aws_security_group.this.id
}

output "service_name" {
  description = "ECS service of Debezium Server; null with DMS."
  value       = one([for service in aws_ecs_service.this : service.name])
}

output "replication_task_arn" {
  description = "ARN of the DMS task; null with Debezium."
  value       = one([for task in aws_dms_replication_task.this : task.replication_task_arn])
}

output "role_arns" {
  description = "ARNs of the roles: task and execution with Debezium, dms with DMS."
  value = merge(
    { for role in aws_iam_role.task : "task" => role.arn },
    { for role in aws_iam_role.execution : "execution" => role.arn },
    { for role in aws_iam_role.dms : "dms" => role.arn },
  )
}

output "role_policies" {
  description = "What the roles may do, as JSON."
  value       = var.engine == "debezium" ? { task = local.task_policy, execution = local.execution_policy } : { dms = local.dms_policy }
}

output "log_group_name" {
  description = "Log group of Debezium Server; null with DMS, which makes its own."
  value       = one([for group in aws_cloudwatch_log_group.debezium : group.name])
}
