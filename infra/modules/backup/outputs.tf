output "vault_arn" {
  description = "The vault."
  value       = aws_backup_vault.this.arn
}

output "vault_name" {
  description = "The vault, as AWS Backup's console shows it; the monitoring module watches it by this name."
  value       = aws_backup_vault.this.name
}

output "plan_ids" {
  description = "Backup plans: of the tables, and of the buckets where there are some."
  value       = merge({ tables = aws_backup_plan.this.id }, { for key, plan in aws_backup_plan.buckets : key => plan.id })
}

output "role_arns" {
  description = "Roles of AWS Backup: backup reads, restore writes tables and buckets named NAME-restored-…."
  value       = { backup = aws_iam_role.backup.arn, restore = aws_iam_role.restore.arn }
}

output "role_policies" {
  description = "What the roles may do, as JSON, for policy checks."
  value       = { backup = local.backup_policy, restore = local.restore_policy }
}
