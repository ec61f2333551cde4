output "rule_name" {
  description = "Name of the topic rule."
  value       = aws_iot_topic_rule.this.name
}

output "rule_arn" {
  description = "ARN of the topic rule."
  value       = aws_iot_topic_rule.this.arn
}

output "sql" {
  description = "What the rule selects."
  value       = local.sql
}

output "role_arn" {
  description = "ARN of the rule's role."
  value       = aws_iam_role.this.arn
}

output "role_policy" {
  description = "What the rule's role may do, as JSON."
  value       = local.policy
}
