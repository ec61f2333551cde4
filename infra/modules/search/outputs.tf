output "endpoint" {
  description = "Address of the domain: OPENSEARCH_URL of the indexer and the console."
  value       = local.url
}

output "dashboards_url" {
  description = "Address of OpenSearch Dashboards, from within the VPC."
  value       = "https://${aws_opensearch_domain.this.endpoint}/_dashboards"
}

output "domain_name" {
  description = "The domain's name."
  value       = aws_opensearch_domain.this.domain_name
}

output "domain_arn" {
  description = "The domain's ARN."
  value       = aws_opensearch_domain.this.arn
}

output "user_name" {
  description = "Name of the first user: OPENSEARCH_USER of who does not sign."
  value       = var.master_user_name
}

output "secret_arn" {
  description = "ARN of the secret {username, password}: OPENSEARCH_PASSWORD is its member password."
  value       = aws_secretsmanager_secret.this.arn
}

output "security_group_id" {
  description = "The domain's security group."
  value       = aws_security_group.this.id
}

output "snapshot_bucket_name" {
  description = "Bucket of manual snapshots."
  value       = module.snapshots.name
}

output "snapshot_bucket_arn" {
  description = "ARN of that bucket."
  value       = module.snapshots.arn
}

output "snapshot_role_arn" {
  description = "ARN of the role that a snapshot repository names."
  value       = aws_iam_role.snapshots.arn
}

output "snapshot_role_policy" {
  description = "What that role may do, as JSON."
  value       = local.snapshot_policy
}

output "log_group_names" {
  description = "Log groups by kind of log."
  value       = { for type, group in aws_cloudwatch_log_group.this : type => group.name }
}

output "job" {
  description = "Task definition and security group of the task that sets the domain up, and where its log is; null without `job`."
  value = one([for id, definition in aws_ecs_task_definition.job : {
    task_definition   = definition.arn
    security_group_id = aws_security_group.job[id].id
    log_group_name    = aws_cloudwatch_log_group.job[id].name
    role_arn          = aws_iam_role.job[id].arn
    environment       = local.job_environment[id]
  }])
}

output "job_policies" {
  description = "What that task may do, and what ECS may do to start it, as JSON."
  value       = { task = local.job_policy, execution = one(values(local.job_start_policy)) }
}
