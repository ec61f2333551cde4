output "delivery_stream_names" {
  description = "Names of the delivery streams by logical name: what the services' *_DELIVERY_STREAM settings are set to."
  value       = { for name, stream in aws_kinesis_firehose_delivery_stream.this : name => stream.name }
}

output "delivery_stream_arns" {
  description = "ARNs of the delivery streams by logical name."
  value       = { for name, stream in aws_kinesis_firehose_delivery_stream.this : name => stream.arn }
}

output "role_arns" {
  description = "ARNs of the delivery streams' roles by logical name."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "role_names" {
  description = "Names of the delivery streams' roles."
  value       = [for role in values(aws_iam_role.this) : role.name]
}

output "role_policies" {
  description = "What each role may do, as JSON, by logical name."
  value       = local.policies
}

output "log_group_name" {
  description = "Where Firehose says what it could not deliver."
  value       = aws_cloudwatch_log_group.this.name
}
