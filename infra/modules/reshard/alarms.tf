locals {
  # What the function says about each stream, and when people are to know.
  stream_alarms = {
    at-cap = {
      metric = "AtCap", operator = "GreaterThanOrEqualToThreshold", threshold = 1, minutes = 15
      text   = "needs more shards than max_shards allows: raise it, and the account's shard quota if need be"
    }
    hot-shard = {
      metric = "HotShard", operator = "GreaterThanOrEqualToThreshold", threshold = 1, minutes = 15
      text   = "refuses records on shards with room: one partition key is too hot; spread it"
    }
    refused = {
      metric = "Refused", operator = "GreaterThanOrEqualToThreshold", threshold = 1, minutes = 15
      text   = "should change its shards and may not: ten changes in 24 hours are used, or Kinesis refused; switch to on-demand or raise min_shards"
    }
  }

  alarms = merge([
    for logical, stream in var.streams : {
      for kind, alarm in local.stream_alarms : "${logical}-${kind}" => merge(alarm, { stream = stream.name })
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "stream" {
  for_each = local.alarms

  alarm_name          = "${local.function_name}-${each.key}"
  alarm_description   = "${each.value.stream} ${each.value.text}. See docs/performance.md."
  namespace           = local.namespace
  metric_name         = each.value.metric
  dimensions          = { StreamName = each.value.stream }
  statistic           = "Maximum"
  period              = var.schedule_minutes * 60
  evaluation_periods  = max(1, ceil(each.value.minutes / var.schedule_minutes))
  datapoints_to_alarm = max(1, ceil(each.value.minutes / var.schedule_minutes))
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${local.function_name}-errors"
  alarm_description   = "${local.function_name} failed twice in a row, so nothing scales its streams. See its log."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = local.function_name }
  statistic           = "Sum"
  period              = var.schedule_minutes * 60
  evaluation_periods  = 2
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "silent" {
  alarm_name          = "${local.function_name}-silent"
  alarm_description   = "${local.function_name} has not run for three turns, so nothing scales its streams. See its schedule."
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = local.function_name }
  statistic           = "Sum"
  period              = var.schedule_minutes * 60
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}
