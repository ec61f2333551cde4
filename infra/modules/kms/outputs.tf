output "key_arns" {
  description = "Keys by domain; the same one for all where it is shared."
  value       = { for domain in var.domains : domain => aws_kms_key.this[var.shared ? "shared" : domain].arn }
}

output "policies" {
  description = "Key policies by key, as JSON, for policy checks."
  value       = local.policies
}
