# Alarms and dashboard of the files in monitoring/, for the things that this deployment has.

data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  source_folder = "${path.module}/../../../monitoring"
  source        = yamldecode(file("${local.source_folder}/alerts.yaml"))
  alarm_names   = [for alarm in local.source.alarms : alarm.name]

  function_names = merge(var.functions, { for name, function in aws_lambda_function.canary : "canary" => function.function_name })

  # The things of each group, by the label that the alarm's name ends with, with the names that stand for $….
  things = {
    pipeline         = { "" = {} }
    services         = { for key, service in var.services : key => { "$each" = key, "$cluster" = service.cluster_name, "$ecs_service" = service.service_name } }
    consumers        = { for key, service in var.services : key => { "$each" = key } if service.consumes }
    streams          = { for key, name in var.streams : key => { "$each" = name } }
    fan_out          = { for key, consumer in var.consumers : key => { "$stream" = consumer.stream_name, "$consumer" = consumer.consumer_name } }
    delivery_streams = { for key, name in var.delivery_streams : key => { "$each" = name } }
    tables           = { for key, name in var.tables : key => { "$each" = name } }
    functions        = { for key, name in local.function_names : key => { "$each" = name } }
    load_balancer    = var.load_balancer == null ? {} : { "" = { "$load_balancer" = var.load_balancer.arn_suffix, "$target_group" = var.load_balancer.target_group_arn_suffix } }
    search           = var.search == null ? {} : { "" = { "$domain" = var.search.domain_name, "$account" = var.search.account_id } }
    warehouse        = var.warehouse == null ? {} : { "" = { "$workgroup" = var.warehouse.workgroup_name } }
    analytics        = var.analytics == null ? {} : { "" = { "$application" = var.analytics.application_name } }
    canary           = var.canary == null ? {} : { "" = {} }
    ledger           = var.ledger_enabled ? { "" = {} } : {}
    backup           = var.backup == null ? {} : { "" = { "$vault" = var.backup.vault_name } }
    billing          = var.billing_enabled ? { "" = {} } : {}
  }

  topics = {
    page   = [aws_sns_topic.this["page"].arn]
    ticket = [aws_sns_topic.this["ticket"].arn]
    none   = []
  }

  # Each alarm of the file for each thing of its group: consumer-lag becomes consumer-lag-enricher, …
  alarms = merge([
    for alarm in local.source.alarms : {
      for label, names in local.things[alarm.for] : (label == "" ? alarm.name : "${alarm.name}-${replace(label, "/", "-")}") => {
        alarm = alarm
        names = merge(names, { "$namespace" = var.metric_namespace })
      }
    } if !contains(var.without, alarm.name)
  ]...)

  # Thresholds that follow from what is deployed; those of var.thresholds win.
  thresholds = merge(
    { for capacity in [try(var.warehouse.max_capacity, null)] : "warehouse-at-capacity" => capacity if capacity != null },
    { for volume in [try(var.search.volume_gib, null)] : "search-disk-low" => volume * 1024 / 4 if volume != null },
    var.thresholds,
  )

  # The alarms of each name in the file, as CloudWatch names them.
  alarms_by_name = {
    for name in local.alarm_names : name => sort([for key, made in local.alarms : "${var.name}-${key}" if made.alarm.name == name])
  }

  composites = {
    for composite in local.source.composites : composite.name => merge(composite, {
      all = [for line in composite.all : flatten([for name in line : local.alarms_by_name[name]])]
    })
  }

  # Where a line has no alarm in this deployment, the composite could never be in alarm.
  made_composites = { for name, composite in local.composites : name => composite if alltrue([for line in composite.all : length(line) > 0]) }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.alarm.summary} ${var.runbook_url}#${each.value.alarm.name}"

  comparison_operator = each.value.alarm.compare
  threshold           = lookup(local.thresholds, each.value.alarm.name, each.value.alarm.threshold)
  evaluation_periods  = each.value.alarm.alarm_if.of
  datapoints_to_alarm = each.value.alarm.alarm_if.points
  treat_missing_data  = each.value.alarm.missing

  # One metric is given plainly; of several, an expression is compared.
  namespace   = try(lookup(each.value.names, each.value.alarm.metric.namespace, each.value.alarm.metric.namespace), null)
  metric_name = try(each.value.alarm.metric.name, null)
  dimensions  = try({ for key, value in each.value.alarm.metric.dimensions : key => lookup(each.value.names, value, value) }, null)
  period      = can(each.value.alarm.metric) ? each.value.alarm.period : null

  statistic          = can(each.value.alarm.metric) && !can(regex("^p[0-9.]+$", each.value.alarm.metric.stat)) ? each.value.alarm.metric.stat : null
  extended_statistic = can(regex("^p[0-9.]+$", each.value.alarm.metric.stat)) ? each.value.alarm.metric.stat : null

  dynamic "metric_query" {
    for_each = can(each.value.alarm.expression) ? [each.value.alarm] : []

    content {
      id          = "result"
      expression  = metric_query.value.expression
      label       = metric_query.value.label
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = try(each.value.alarm.metrics, {})
    iterator = input

    content {
      id = input.key
      metric {
        namespace   = lookup(each.value.names, input.value.namespace, input.value.namespace)
        metric_name = input.value.name
        dimensions  = { for key, value in input.value.dimensions : key => lookup(each.value.names, value, value) }
        stat        = input.value.stat
        period      = each.value.alarm.period
      }
    }
  }

  alarm_actions = local.topics[each.value.alarm.severity]
  ok_actions    = local.topics[each.value.alarm.severity]

  tags = var.tags
}

resource "aws_cloudwatch_composite_alarm" "this" {
  for_each = local.made_composites

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.summary} ${var.runbook_url}#${each.key}"
  alarm_rule        = join(" AND ", [for line in each.value.all : format("(%s)", join(" OR ", [for alarm in line : "ALARM(\"${alarm}\")"]))])

  alarm_actions = local.topics[each.value.severity]
  ok_actions    = local.topics[each.value.severity]

  tags = var.tags

  depends_on = [aws_cloudwatch_metric_alarm.this]
}
