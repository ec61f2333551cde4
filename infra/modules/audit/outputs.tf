output "trail_arn" {
  description = "The trail."
  value       = aws_cloudtrail.this.arn
}

output "trail_name" {
  description = "Its name, for `aws cloudtrail validate-logs`."
  value       = aws_cloudtrail.this.name
}

output "bucket_name" {
  description = "The bucket of its files, under AWSLogs/."
  value       = module.bucket.name
}

output "key_arn" {
  description = "The key of its files: who reads them needs kms:Decrypt on it."
  value       = aws_kms_key.this.arn
}

output "log_group_name" {
  description = "The log group with the same events; null where none is kept."
  value       = one(aws_cloudwatch_log_group.this[*].name)
}
