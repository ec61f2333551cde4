output "function_arn" {
  description = "The resharding function."
  value       = aws_lambda_function.this.arn
}

output "function_name" {
  description = "Its name, for its metrics and its log."
  value       = aws_lambda_function.this.function_name
}

output "role_arn" {
  description = "The function's role."
  value       = aws_iam_role.this.arn
}

output "ledger_table_arn" {
  description = "The table of changes."
  value       = aws_dynamodb_table.ledger.arn
}

output "ledger_table_name" {
  description = "The table of changes, by name: `aws dynamodb query` shows what was changed when."
  value       = aws_dynamodb_table.ledger.name
}

output "log_group_name" {
  description = "One line a stream and run: what was decided, and why."
  value       = aws_cloudwatch_log_group.this.name
}

output "metrics_namespace" {
  description = "CloudWatch namespace of Utilisation, Shards, TargetShards, ChangesLeft, AtCap, HotShard and Refused."
  value       = local.namespace
}

output "alarm_arns" {
  description = "The alarms, by what they say."
  value = merge(
    { for key, alarm in aws_cloudwatch_metric_alarm.stream : key => alarm.arn },
    { errors = aws_cloudwatch_metric_alarm.errors.arn, silent = aws_cloudwatch_metric_alarm.silent.arn },
  )
}
