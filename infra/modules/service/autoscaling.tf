# Tasks follow what is written to the stream, not what lags behind it: lag is not in proportion to the tasks, so that
# tracking it swings. Lag only adds tasks, in steps. One alarm takes tasks away: target tracking's own way in goes by its
# latest minute alone, which is too far after a gap. docs/performance.md tells what these policies do to six kinds of load.

locals {
  scaling_namespace       = var.scaling == null ? null : coalesce(var.scaling.metrics_namespace, "StreamingETL/${var.name}")
  scaling_lag_by_consumer = try(var.scaling.lag.consumer_name, null) != null

  # No try() for what a count depends on: with a part that is not known yet, such as a load balancer's, it knows nothing.
  scaling_by = {
    bytes      = var.scaling == null ? false : var.scaling.bytes != null
    requests   = var.scaling == null ? false : var.scaling.requests != null
    lag        = var.scaling == null ? false : var.scaling.lag != null
    idle_tasks = var.scaling == null ? false : var.scaling.idle_tasks_alarm
  }
}

resource "aws_appautoscaling_target" "this" {
  count = var.scaling == null ? 0 : 1

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.scaling.min_tasks
  max_capacity       = var.scaling.max_tasks
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "cpu" {
  count = var.scaling == null ? 0 : 1

  name               = "${local.service_name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.cpu_target_percent
    scale_out_cooldown = var.scaling.scale_out_cooldown_seconds
    disable_scale_in   = true

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "bytes" {
  count = local.scaling_by.bytes ? 1 : 0

  name               = "${local.service_name}-bytes"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.bytes.per_task_per_minute
    scale_out_cooldown = var.scaling.scale_out_cooldown_seconds
    disable_scale_in   = true

    customized_metric_specification {
      metrics {
        id          = "bytes"
        return_data = false

        metric_stat {
          stat = "Sum"

          metric {
            namespace   = "AWS/Kinesis"
            metric_name = "IncomingBytes"

            dimensions {
              name  = "StreamName"
              value = var.scaling.bytes.stream_name
            }
          }
        }
      }

      # Every task reports once a minute, so the samples are the tasks: no Container Insights to pay for.
      metrics {
        id          = "tasks"
        return_data = false

        metric_stat {
          stat = "SampleCount"

          metric {
            namespace   = local.scaling_namespace
            metric_name = "EventLoopLagSeconds"

            dimensions {
              name  = "Service"
              value = var.service
            }
          }
        }
      }

      metrics {
        id          = "per_task"
        label       = "Bytes a minute per running task"
        expression  = "FILL(bytes, 0) / tasks"
        return_data = true
      }
    }
  }
}

resource "aws_appautoscaling_policy" "requests" {
  count = local.scaling_by.requests ? 1 : 0

  name               = "${local.service_name}-requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.requests.per_target_per_minute
    scale_out_cooldown = var.scaling.scale_out_cooldown_seconds
    disable_scale_in   = true

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = var.scaling.requests.resource_label
    }
  }
}

resource "aws_appautoscaling_policy" "lag" {
  count = local.scaling_by.lag ? 1 : 0

  name               = "${local.service_name}-lag"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  step_scaling_policy_configuration {
    adjustment_type          = "PercentChangeInCapacity"
    min_adjustment_magnitude = 1
    metric_aggregation_type  = "Maximum"
    # A task starts, takes shards and catches up before the next step is judged.
    cooldown = 180

    # Bounds count from the alarm's threshold: up to 5 times it, up to 15 times it, and beyond.
    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 4 * local.scaling_lag_threshold
      scaling_adjustment          = 25
    }

    step_adjustment {
      metric_interval_lower_bound = 4 * local.scaling_lag_threshold
      metric_interval_upper_bound = 14 * local.scaling_lag_threshold
      scaling_adjustment          = 50
    }

    step_adjustment {
      metric_interval_lower_bound = 14 * local.scaling_lag_threshold
      scaling_adjustment          = 100
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "lag" {
  count = local.scaling_by.lag ? 1 : 0

  alarm_name          = "${local.service_name}-scale-out-on-lag"
  alarm_description   = "Not an alarm for people: ${local.service_name} is more than ${var.scaling.lag.seconds} s behind, so tasks are added."
  namespace           = local.scaling_lag_metric.namespace
  metric_name         = local.scaling_lag_metric.name
  dimensions          = local.scaling_lag_metric.dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = local.scaling_lag_threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.lag[0].arn]
  tags                = var.tags
}

# Fewer tasks when, for ten minutes, those that would be left had room and there was no lag.
resource "aws_appautoscaling_policy" "scale_in" {
  count = var.scaling == null ? 0 : 1

  name               = "${local.service_name}-in"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  step_scaling_policy_configuration {
    adjustment_type          = "PercentChangeInCapacity"
    min_adjustment_magnitude = 1
    metric_aggregation_type  = "Maximum"
    cooldown                 = var.scaling.scale_in_cooldown_seconds

    step_adjustment {
      metric_interval_upper_bound = 0
      scaling_adjustment          = -25
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "scale_in" {
  count = var.scaling == null ? 0 : 1

  alarm_name          = "${local.service_name}-scale-in"
  alarm_description   = "Not an alarm for people: fewer tasks of ${local.service_name} would do."
  evaluation_periods  = 10
  datapoints_to_alarm = 10
  comparison_operator = "LessThanOrEqualToThreshold"
  threshold           = 0.95
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.scale_in[0].arn]
  tags                = var.tags

  metric_query {
    id          = "use_of_fewer"
    label       = "Use of the tasks that would be left, 1 being the target"
    expression  = local.scaling_by.lag ? "IF(FILL(lag, 0) < ${local.scaling_lag_threshold}, ${local.scaling_use}, 9)" : local.scaling_use
    return_data = true
  }

  # A quarter fewer, or one.
  metric_query {
    id         = "left"
    expression = "IF(tasks > 4, tasks * 0.75, tasks - 1)"
  }

  metric_query {
    id         = "use_by_cpu"
    expression = "cpu / ${var.scaling.cpu_target_percent} * tasks / left"
  }

  metric_query {
    id = "cpu"

    metric {
      namespace   = "AWS/ECS"
      metric_name = "CPUUtilization"
      dimensions  = { ClusterName = var.cluster.name, ServiceName = aws_ecs_service.this.name }
      period      = 60
      stat        = "Average"
    }
  }

  metric_query {
    id = "tasks"

    metric {
      namespace   = local.scaling_namespace
      metric_name = "EventLoopLagSeconds"
      dimensions  = { Service = var.service }
      period      = 60
      stat        = "SampleCount"
    }
  }

  dynamic "metric_query" {
    for_each = local.scaling_by.bytes ? [var.scaling.bytes] : []

    content {
      id         = "use_by_bytes"
      expression = "FILL(bytes, 0) / ${metric_query.value.per_task_per_minute} / left"
    }
  }

  dynamic "metric_query" {
    for_each = local.scaling_by.bytes ? [var.scaling.bytes] : []

    content {
      id = "bytes"

      metric {
        namespace   = "AWS/Kinesis"
        metric_name = "IncomingBytes"
        dimensions  = { StreamName = metric_query.value.stream_name }
        period      = 60
        stat        = "Sum"
      }
    }
  }

  dynamic "metric_query" {
    for_each = local.scaling_by.requests ? [var.scaling.requests] : []

    content {
      id         = "use_by_requests"
      expression = "FILL(requests, 0) / ${metric_query.value.per_target_per_minute} / left"
    }
  }

  dynamic "metric_query" {
    for_each = local.scaling_by.requests ? [var.scaling.requests] : []

    content {
      id = "requests"

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = "RequestCount"
        dimensions  = { TargetGroup = join("/", slice(split("/", metric_query.value.resource_label), 3, 6)), LoadBalancer = join("/", slice(split("/", metric_query.value.resource_label), 0, 3)) }
        period      = 60
        stat        = "Sum"
      }
    }
  }

  dynamic "metric_query" {
    for_each = local.scaling_by.lag ? [var.scaling.lag] : []

    content {
      id = "lag"

      metric {
        namespace   = local.scaling_lag_metric.namespace
        metric_name = local.scaling_lag_metric.name
        dimensions  = local.scaling_lag_metric.dimensions
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}

locals {
  scaling_use = "MAX([${join(", ", concat(["use_by_cpu"], local.scaling_by.bytes ? ["use_by_bytes"] : [], local.scaling_by.requests ? ["use_by_requests"] : []))}])"

  # Enhanced fan-out's own metric is in milliseconds, the service's in seconds.
  scaling_lag_threshold = !local.scaling_by.lag ? 0 : var.scaling.lag.seconds * (local.scaling_lag_by_consumer ? 1000 : 1)
  scaling_lag_metric = !local.scaling_by.lag ? null : {
    namespace  = local.scaling_lag_by_consumer ? "AWS/Kinesis" : local.scaling_namespace
    name       = local.scaling_lag_by_consumer ? "SubscribeToShardEvent.MillisBehindLatest" : "LagSeconds"
    dimensions = { for name, value in local.scaling_lag_by_consumer ? { StreamName = var.scaling.lag.stream_name, ConsumerName = var.scaling.lag.consumer_name } : { Service = var.service } : name => value }
  }
}

resource "aws_cloudwatch_metric_alarm" "idle_tasks" {
  count = local.scaling_by.idle_tasks ? 1 : 0

  alarm_name          = "${local.service_name}-idle-tasks"
  alarm_description   = "More tasks of ${local.service_name} than shards for half an hour: lower max_tasks or add shards."
  evaluation_periods  = 30
  datapoints_to_alarm = 30
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.scaling.alarm_topic_arns
  ok_actions          = var.scaling.alarm_topic_arns
  tags                = var.tags

  metric_query {
    id          = "idle"
    label       = "Tasks without a shard"
    expression  = "tasks - shards"
    return_data = true
  }

  metric_query {
    id = "tasks"

    metric {
      namespace   = local.scaling_namespace
      metric_name = "EventLoopLagSeconds"
      dimensions  = { Service = var.service }
      period      = 60
      stat        = "SampleCount"
    }
  }

  metric_query {
    id = "shards"

    metric {
      namespace   = local.scaling_namespace
      metric_name = "ShardsOwned"
      dimensions  = { Service = var.service }
      period      = 60
      stat        = "Sum"
    }
  }
}
