output "workgroup_name" {
  description = "The workgroup, as alarms and the Data API name it."
  value       = aws_redshiftserverless_workgroup.this.workgroup_name
}

output "workgroup_arn" {
  description = "The workgroup's ARN."
  value       = aws_redshiftserverless_workgroup.this.arn
}

output "namespace_name" {
  description = "The namespace."
  value       = aws_redshiftserverless_namespace.this.namespace_name
}

output "endpoint" {
  description = "Address for SQL clients in the VPC."
  value       = try(aws_redshiftserverless_workgroup.this.endpoint[0].address, null)
}

output "database" {
  description = "The database."
  value       = aws_redshiftserverless_namespace.this.db_name
}

output "admin_secret_arn" {
  description = "ARN of the administrator's password, which Redshift keeps and rotates in Secrets Manager."
  value       = aws_redshiftserverless_namespace.this.admin_password_secret_arn
}

output "security_group_id" {
  description = "The workgroup's security group."
  value       = aws_security_group.this.id
}

output "schedule_arn" {
  description = "ARN of the schedule of the load."
  value       = aws_scheduler_schedule.load.arn
}

output "role_arns" {
  description = "ARNs of the roles: copy reads the archive, schedule calls the load."
  value       = { copy = aws_iam_role.copy.arn, schedule = aws_iam_role.schedule.arn }
}

output "role_policies" {
  description = "What the roles may do, as JSON."
  value       = { copy = local.copy_policy, schedule = local.schedule_policy }
}

output "statements" {
  description = "The module's own SQL by name."
  value       = merge(local.tables, local.procedures)
}
