output "name" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.bucket
  # Who writes because of this output finds the bucket encrypted and closed.
  depends_on = [aws_s3_bucket_server_side_encryption_configuration.this, aws_s3_bucket_policy.this]
}

output "arn" {
  description = "The bucket's ARN."
  value       = aws_s3_bucket.this.arn
  depends_on  = [aws_s3_bucket_server_side_encryption_configuration.this, aws_s3_bucket_policy.this, aws_s3_bucket_versioning.this]
}

output "policy" {
  description = "The bucket policy, as JSON."
  value       = local.policy
}

output "replication_role_arn" {
  description = "ARN of the role that copies objects; null without replication."
  value       = one([for role in aws_iam_role.replication : role.arn])
}
