output "topic_arns" {
  description = "Topics by severity: page (act now) and ticket (act this week). Subscribe a pager or a chat to them."
  value       = { for key, topic in aws_sns_topic.this : key => topic.arn }
}

output "page_topic_arn" {
  description = "The topic of what must be acted on now."
  value       = aws_sns_topic.this["page"].arn
}

output "ticket_topic_arn" {
  description = "The topic of what must be acted on this week."
  value       = aws_sns_topic.this["ticket"].arn
}

output "alarm_arns" {
  description = "Metric and composite alarms, by name without the prefix."
  value = merge(
    { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.arn },
    { for key, alarm in aws_cloudwatch_composite_alarm.this : key => alarm.arn },
  )
}

output "alarm_metric_count" {
  description = "Metrics that alarms read: CloudWatch bills alarms by these ($0.10 a month each in us-east-1), and composite alarms apart ($0.50)."
  value       = sum(concat([0], [for made in local.alarms : length(try(made.alarm.metrics, { metric = null }))]))
}

output "dashboard_name" {
  description = "The dashboard, as the CloudWatch console shows it."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "dashboard_body" {
  description = "The dashboard's JSON as made for this deployment."
  value       = aws_cloudwatch_dashboard.this.dashboard_body
}

output "canary_function_arn" {
  description = "The canary; null where there is none."
  value       = one([for function in aws_lambda_function.canary : function.arn])
}

output "canary_role_policy" {
  description = "What the canary may do, as JSON, for policy checks; null where there is none."
  value       = one([for policy in aws_iam_role_policy.canary : policy.policy])
}

output "deployment_alarm_names" {
  description = "By service, the alarms that a faulty version of it trips: what deployment.alarm_names of the service module takes, so that ECS rolls back."
  value = {
    for service in keys(var.services) : service => [
      for key, made in local.alarms : aws_cloudwatch_metric_alarm.this[key].alarm_name
      if try(lookup(made.names, made.alarm.rolls_back, made.alarm.rolls_back), null) == service
    ]
  }
}
