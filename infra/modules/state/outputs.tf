output "table_names" {
  description = "Names of the tables by logical name: what the services' *_TABLE settings are set to."
  value       = { for name, table in aws_dynamodb_table.this : name => table.name }
}

output "table_arns" {
  description = "ARNs of all tables by logical name."
  value       = { for name, table in aws_dynamodb_table.this : name => table.arn }
}

output "bucket_name" {
  description = "Bucket of the aggregator's snapshots."
  value       = module.bucket.name
}

output "bucket_arn" {
  description = "ARN of that bucket."
  value       = module.bucket.arn
}

output "bucket_arns" {
  description = "The same by logical name, as the module backup takes it."
  value       = { state = module.bucket.arn }
}

output "restore_window_days" {
  description = "How many days back tables and snapshots can be restored together."
  value       = var.recovery_days
}
