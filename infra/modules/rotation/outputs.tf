output "list_secret_arn" {
  description = "The list of hashes: one of ingest-api's INGEST_API_KEYS_SECRETS."
  value       = aws_secretsmanager_secret.list.arn
  # ingest-api reads it at its start.
  depends_on = [aws_secretsmanager_secret_version.list]
}

output "secret_arns" {
  description = "Each sender's secret, whose api_key its program reads."
  value       = local.secret_arns
}

output "function_name" {
  description = "The function, for its metrics and its log."
  value       = aws_lambda_function.this.function_name
}
