# The dashboard of monitoring/cloudwatch-dashboard.json. Names that this deployment has not are empty; rows with an empty
# name, and widgets left without rows, are dropped.

locals {
  stream_names   = ["raw", "enriched", "aggregates", "alerts", "late", "dead-letters", "exchange"]
  delivery_names = ["enriched", "aggregates", "dead-letters"]
  # By the part that each has: the aggregator's are called by its application.
  shown_tables = merge(
    { for name in concat(["enricher-leases", "aggregator-state"], [for kind in local.stream_names : "indexer-leases-${kind}"]) : name => lookup(var.tables, name, "") },
    { for part in ["leases", "exchange-leases", "alert-leases"] : "aggregator-${part}" => lookup(var.tables, "${var.aggregator_application}-${part}", "") },
  )

  dashboard_names = merge(
    {
      name          = var.name
      region        = data.aws_region.current.name
      namespace     = var.metric_namespace
      load_balancer = try(var.load_balancer.arn_suffix, "")
      domain        = try(var.search.domain_name, "")
      account       = try(var.search.account_id, "")
      workgroup     = try(var.warehouse.workgroup_name, "")
      application   = try(var.analytics.application_name, "")
      aggregator    = var.aggregator_application
      canary        = var.canary == null ? "" : "canary"
      ledger        = var.ledger_enabled ? "ledger" : ""
    },
    { for name in local.stream_names : "stream_${replace(name, "-", "_")}" => lookup(var.streams, name, "") },
    { for name, table in local.shown_tables : "table_${replace(name, "-", "_")}" => table },
    { for name in local.delivery_names : "delivery_${replace(name, "-", "_")}" => lookup(var.delivery_streams, name, "") },
    { for name in ["ingest-api", "enricher", "aggregator", "indexer"] : "service_${replace(name, "-", "_")}" => try(var.services[name].service_name, "") },
    { cluster = try(values(var.services)[0].cluster_name, "") },
  )

  # What somebody must act on; an alarm widget takes at most 100.
  dashboard_alarms = slice(local.acting_alarms, 0, min(100, length(local.acting_alarms)))
  acting_alarms = [
    for name in concat(
      [for name, composite in local.made_composites : name],
      [for key, made in local.alarms : key if made.alarm.severity == "page"],
      [for key, made in local.alarms : key if made.alarm.severity == "ticket"],
    ) : "arn:${data.aws_partition.current.partition}:cloudwatch:${data.aws_region.current.name}:${var.account_id}:alarm:${var.name}-${name}"
  ]

  dashboard = jsondecode(templatefile("${local.source_folder}/cloudwatch-dashboard.json", local.dashboard_names))

  # As text, since a list of Terraform holds things of one type.
  widgets = [
    for widget in local.dashboard.widgets : {
      asked = [for row in try(widget.properties.metrics, []) : true if length(row) > 1]
      kept  = [for row in try(widget.properties.metrics, []) : row if !contains([for cell in row : try(tostring(cell), "options")], "")]
      type  = widget.type
      text  = jsonencode(widget)
    }
  ]

  shown_widgets = [
    for widget in local.widgets : merge(jsondecode(widget.text), {
      properties = merge(
        jsondecode(widget.text).properties,
        { for key in ["metrics"] : key => widget.kept if widget.type == "metric" },
        { for key in ["alarms"] : key => local.dashboard_alarms if widget.type == "alarm" },
      )
    })
    if length(widget.asked) == 0 || length([for row in widget.kept : true if length(row) > 1]) > 0
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode(merge(local.dashboard, { widgets = local.shown_widgets }))
}
