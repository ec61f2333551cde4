locals {
  notifications = concat(
    [for percent in sort([for value in var.actual_percents : format("%05.1f", value)]) : { type = "ACTUAL", percent = tonumber(percent) }],
    [{ type = "FORECASTED", percent = var.forecast_percent }],
  )
}

resource "aws_budgets_budget" "this" {
  name         = "${var.name}-monthly"
  budget_type  = "COST"
  limit_amount = format("%.2f", var.monthly_limit_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:%s$%s", var.cost_tag.key, var.cost_tag.value)]
  }

  dynamic "notification" {
    for_each = local.notifications

    content {
      notification_type          = notification.value.type
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value.percent
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.emails
      subscriber_sns_topic_arns  = var.topic_arn == null ? [] : [var.topic_arn]
    }
  }

  tags = var.tags

  lifecycle {
    precondition {
      condition     = length(var.emails) > 0 || var.topic_arn != null
      error_message = "A budget that tells nobody is of no use: set emails or topic_arn."
    }
  }
}
