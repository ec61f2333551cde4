output "cluster" {
  description = "The cluster: its ARN and name."
  value = {
    arn  = aws_ecs_cluster.this.arn
    name = aws_ecs_cluster.this.name
  }

  # A service that asks for Spot before the cluster has it is refused.
  depends_on = [aws_ecs_cluster_capacity_providers.this]
}

output "exec_log_group_arn" {
  description = "Log group of ECS Exec; null where there is none."
  value       = one(aws_cloudwatch_log_group.exec[*].arn)
}

output "exec_audit" {
  description = "What the service module takes, for the tasks that sessions are opened in; null where none are kept."
  value = one([
    for group in aws_cloudwatch_log_group.exec :
    { log_group_arn = group.arn, encrypted = var.kms_key_arn != null, kms_key_arn = var.kms_key_arn }
  ])
}
