output "bucket_name" {
  description = "The archive: what *_DEAD_LETTER_BUCKET is set to, and where delivery writes."
  value       = module.archive.name
}

output "bucket_arn" {
  description = "ARN of the archive."
  value       = module.archive.arn
}

output "bucket_arns" {
  description = "ARNs of all buckets by logical name: archive, and where they were asked for replica and access_logs."
  value = merge(
    { archive = module.archive.arn },
    { for bucket in module.replica : "replica" => bucket.arn },
    { for bucket in module.access_logs : "access_logs" => bucket.arn },
  )
}

output "access_log_bucket" {
  description = "Name of the bucket of access logs, for other buckets of the same region too; null without it."
  value       = one(module.access_logs[*].name)
}

output "lifecycle_rules" {
  description = "The archive's lifecycle rules by id."
  value       = merge(local.data_rules, local.other_rules)
}
