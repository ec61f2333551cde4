output "endpoint" {
  description = "Address of the domain: OPENSEARCH_URL of the indexer and the console."
  value       = "https://${aws_opensearch_domain.this.endpoint}"
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
  description = "Name of the first user: OPENSEARCH_USER."
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
