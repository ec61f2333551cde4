mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name             = "etl-test"
  account_id       = "123456789012"
  kms_key_arn      = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  metric_namespace = "StreamingETL/etl-test"
  services = {
    ingest-api = { cluster_name = "etl-test", service_name = "etl-test-ingest-api", consumes = false }
    enricher   = { cluster_name = "etl-test", service_name = "etl-test-enricher" }
    indexer    = { cluster_name = "etl-test", service_name = "etl-test-indexer" }
  }
  streams = { raw = "etl-test-raw", enriched = "etl-test-enriched" }
}

run "alarms_are_made_for_what_is_there" {
  command = plan

  assert {
    condition     = length([for key, alarm in aws_cloudwatch_metric_alarm.this : key if startswith(key, "consumer-lag")]) == 2
    error_message = "one lag alarm a consuming service, none for the ingest API"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["consumer-lag-enricher"].dimensions["Service"] == "enricher" && aws_cloudwatch_metric_alarm.this["consumer-lag-enricher"].namespace == "StreamingETL/etl-test"
    error_message = "names stand for $each and $namespace"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["consumer-lag-enricher"].alarm_name == "etl-test-consumer-lag-enricher"
    error_message = "names begin with the deployment's"
  }
  assert {
    condition     = endswith(aws_cloudwatch_metric_alarm.this["consumer-lag-enricher"].alarm_description, "docs/troubleshooting.md#consumer-lag")
    error_message = "the description links the runbook's entry"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["service-cpu-high-enricher"].dimensions["ServiceName"] == "etl-test-enricher"
    error_message = "ECS knows the service by its own name"
  }
  assert {
    condition     = length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if anytrue([for part in ["search-red", "warehouse", "analytics", "delivery", "ledger", "canary", "spend", "backup"] : startswith(key, part)])]) == 0
    error_message = "no alarm for what this deployment has not"
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this["sink-retries-enricher"].metric_query) == 3
    error_message = "an expression comes with its metrics"
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this["consumer-lag-enricher"].alarm_actions) == 0 && length(aws_cloudwatch_metric_alarm.this["consumer-failing-enricher"].alarm_actions) == 1
    error_message = "parts of a composite do not act by themselves"
  }
  assert {
    condition     = output.alarm_metric_count == 3 * 4 + 3 * 2 + 2 * 5 + 3 + 2 * 4 + 1
    error_message = "three services: four plain alarms and one of two metrics each; two consumers: five; pipeline: 2 + 1 plain, one of two metrics; two streams: four; got ${output.alarm_metric_count}"
  }
}

run "eventbridge_publishes_without_a_condition" {
  command = apply

  assert {
    condition = alltrue([for policy in values(aws_sns_topic_policy.this) : length([
      for statement in jsondecode(policy.policy).Statement : true
      if statement.Effect == "Allow" && contains(try(flatten([statement.Principal.Service]), []), "events.amazonaws.com") && !can(statement.Condition)
    ]) == 1])
    error_message = "AWS: no Condition in a topic's policy for EventBridge, or what it tells is dropped without a word"
  }
  assert {
    condition = alltrue(flatten([for policy in values(aws_sns_topic_policy.this) : [
      for statement in jsondecode(policy.policy).Statement : try(statement.Condition.StringEquals["aws:SourceAccount"], "") == "123456789012"
      if statement.Effect == "Allow" && !contains(try(flatten([statement.Principal.Service]), []), "events.amazonaws.com")
    ]]))
    error_message = "all others publish for this account alone"
  }
}

run "composites_are_of_the_alarms_that_are_there" {
  command = plan

  assert {
    condition     = aws_cloudwatch_composite_alarm.this["pipeline-behind"].alarm_rule == "(ALARM(\"etl-test-consumer-lag-enricher\") OR ALARM(\"etl-test-consumer-lag-indexer\"))"
    error_message = "every instance of the alarms that a composite names"
  }
  assert {
    condition     = !contains(keys(aws_cloudwatch_composite_alarm.this), "ingest-down") && !contains(keys(aws_cloudwatch_composite_alarm.this), "indexer-held-by-search")
    error_message = "without a balancer and a canary, or without a search domain, they could never be in alarm"
  }
}

run "all_parts" {
  command = plan

  variables {
    consumers        = { "raw/enricher" = { stream_name = "etl-test-raw", consumer_name = "enricher" } }
    delivery_streams = { enriched = "etl-test-enriched" }
    tables           = { enricher-leases = "etl-test-enricher-leases" }
    load_balancer    = { arn_suffix = "app/etl/1", target_group_arn_suffix = "targetgroup/etl/2" }
    search           = { domain_name = "etl-test", account_id = "123456789012", volume_gib = 100 }
    warehouse        = { workgroup_name = "etl-test", max_capacity = 16 }
    analytics        = { application_name = "etl-test" }
    backup           = { vault_name = "etl-test" }
    ledger_enabled   = true
    billing_enabled  = true
    page_emails      = ["ops@example.com"]
    ticket_emails    = ["ops@example.com", "dev@example.com"]
    canary = {
      package_path       = "versions.tf"
      ingest_url         = "https://ingest.example.com"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:canary-AbCdEf"
    }
  }

  assert {
    condition     = contains(output.deployment_alarm_names["enricher"], "etl-test-consumer-failing-enricher") && contains(output.deployment_alarm_names["ingest-api"], "etl-test-ingest-errors") && !contains(output.deployment_alarm_names["enricher"], "etl-test-ingest-errors")
    error_message = "Each service's deployment is taken back by its own alarms."
  }
  assert {
    condition     = length(setsubtract(local.alarm_names, distinct([for made in local.alarms : made.alarm.name]))) == 0
    error_message = "every alarm of the file is made where every part is there"
  }
  assert {
    condition     = length(aws_cloudwatch_composite_alarm.this) == length(local.source.composites)
    error_message = "every composite of the file is made"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["fan-out-behind-raw-enricher"].dimensions["ConsumerName"] == "enricher"
    error_message = "a fan-out consumer is found by stream and consumer"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["ingest-slow"].extended_statistic == "p99" && aws_cloudwatch_metric_alarm.this["ingest-slow"].statistic == null
    error_message = "percentiles are extended statistics"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["search-disk-low"].threshold == 25 * 1024
    error_message = "a quarter of the node's own volume: of 100 GiB writes fail at 20"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["warehouse-at-capacity"].threshold == 16
    error_message = "the workgroup's own limit"
  }
  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.this), "function-failing-canary")
    error_message = "the canary is watched as any function"
  }
  assert {
    condition     = length(aws_sns_topic_subscription.email) == 3
    error_message = "an address may be told of both"
  }
  assert {
    condition     = jsondecode(output.canary_role_policy).Statement[1] == { Sid = "ReadApiKey", Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = "arn:aws:secretsmanager:us-east-1:123456789012:secret:canary-AbCdEf" }
    error_message = "the canary reads its one secret"
  }
  assert {
    condition     = length([for statement in jsondecode(output.canary_role_policy).Statement : statement if statement.Resource == "*"]) == 0
    error_message = "outside a VPC the canary has no right on everything"
  }
  assert {
    condition     = alltrue([for topic in aws_sns_topic.this : topic.kms_master_key_id == var.kms_key_arn])
    error_message = "topics are encrypted"
  }
}

run "the_dashboard_shows_what_is_there" {
  command = plan

  variables {
    aggregator_application = "aggregator-2"
    tables                 = { enricher-leases = "etl-test-enricher-leases", aggregator-2-leases = "etl-test-aggregator-2-leases", aggregator-leases = "etl-test-aggregator-leases" }
  }

  assert {
    condition     = !strcontains(output.dashboard_body, "$${") && strcontains(output.dashboard_body, "etl-test-raw") && strcontains(output.dashboard_body, "etl-test-enricher")
    error_message = "all names are filled in"
  }
  assert {
    condition     = !strcontains(output.dashboard_body, "OpenSearch") && !strcontains(output.dashboard_body, "AWS/Firehose") && !strcontains(output.dashboard_body, "AWS/ApplicationELB")
    error_message = "widgets of parts that are not there are dropped"
  }
  assert {
    condition     = alltrue([for widget in jsondecode(output.dashboard_body).widgets : alltrue([for row in try(widget.properties.metrics, []) : !contains([for cell in row : try(tostring(cell), "options")], "")])])
    error_message = "no row has an empty name"
  }
  assert {
    condition     = strcontains(output.dashboard_body, "\"etl-test-enricher-leases\"") && strcontains(output.dashboard_body, "\"etl-test-aggregator-2-leases\"") && !strcontains(output.dashboard_body, "\"etl-test-aggregator-leases\"")
    error_message = "tables are named one by one, the aggregator's by the application at work"
  }
}

run "thresholds_and_omissions" {
  command = plan

  variables {
    thresholds = { consumer-lag = 120 }
    without    = ["stream-read-throttled"]
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["consumer-lag-indexer"].threshold == 120
    error_message = "a threshold of one's own"
  }
  assert {
    condition     = length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if startswith(key, "stream-read-throttled")]) == 0
    error_message = "an alarm left out"
  }
}

run "an_unknown_threshold_is_refused" {
  command = plan

  variables {
    thresholds = { consumer-lagg = 120 }
  }

  expect_failures = [var.thresholds]
}

run "an_unknown_omission_is_refused" {
  command = plan

  variables {
    without = ["stream-red"]
  }

  expect_failures = [var.without]
}

run "a_namespace_of_aws_is_refused" {
  command = plan

  variables {
    metric_namespace = "AWS/Kinesis"
  }

  expect_failures = [var.metric_namespace]
}

run "a_canary_address_with_a_path_is_refused" {
  command = plan

  variables {
    canary = {
      package_path       = "versions.tf"
      ingest_url         = "https://ingest.example.com/v1/events"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:canary-AbCdEf"
    }
  }

  expect_failures = [var.canary]
}

run "a_canary_that_is_too_rare_is_refused" {
  command = plan

  variables {
    canary = {
      package_path       = "versions.tf"
      ingest_url         = "https://ingest.example.com"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:canary-AbCdEf"
      rate_minutes       = 15
    }
  }

  expect_failures = [var.canary]
}
