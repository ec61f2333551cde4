mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  service    = "enricher"
  account_id = "123456789012"
  cluster    = { arn = "arn:aws:ecs:us-east-1:123456789012:cluster/etl-test", name = "etl-test" }
  image      = "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl-test-enricher:1.0.0"
  network = {
    vpc_id           = "vpc-0123456789abcdef0"
    subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    assign_public_ip = false
    cidr_blocks      = ["10.20.0.0/16"]
    prefix_list_ids  = { s3 = "pl-0123456789abcdef0", dynamodb = "pl-0123456789abcdef1" }
  }
  environment = { ENRICHER_RAW_STREAM = "etl-test-raw" }
  access = {
    read_streams     = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw"]
    read_consumers   = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw/consumer/enricher:1700000000"]
    write_streams    = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched"]
    delivery_streams = ["arn:aws:firehose:us-east-1:123456789012:deliverystream/etl-test-enriched"]
    lease_tables     = ["arn:aws:dynamodb:us-east-1:123456789012:table/etl-test-enricher-leases"]
    objects          = [{ bucket_arn = "arn:aws:s3:::etl-test-archive", prefix = "dead-letters/", put = true }]
    keys             = [{ arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555", via = ["kinesis"], encrypt = true, decrypt = true }]
  }
  scaling = {
    min_tasks = 2
    max_tasks = 12
    bytes     = { stream_name = "etl-test-raw", per_task_per_minute = 100000000 }
    lag       = { stream_name = "etl-test-raw", consumer_name = "enricher" }
  }
}

run "target_is_the_service" {
  assert {
    condition     = aws_appautoscaling_target.this[0].resource_id == "service/etl-test/etl-test-enricher"
    error_message = "The scalable target is the service in its cluster."
  }

  assert {
    condition     = aws_appautoscaling_target.this[0].min_capacity == 2 && aws_appautoscaling_target.this[0].max_capacity == 12
    error_message = "Between the fewest and the most tasks."
  }
}

run "bytes_of_the_stream_a_running_task" {
  assert {
    condition = one([
      for metric in aws_appautoscaling_policy.bytes[0].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics :
      metric.expression if metric.return_data
    ]) == "FILL(bytes, 0) / tasks"
    error_message = "Bytes a task: an idle stream counts as none."
  }

  assert {
    condition     = aws_appautoscaling_policy.bytes[0].target_tracking_scaling_policy_configuration[0].target_value == 100000000
    error_message = "The target is what a task is to take."
  }

  assert {
    condition = alltrue([
      for policy in [aws_appautoscaling_policy.bytes[0], aws_appautoscaling_policy.cpu[0]] :
      policy.target_tracking_scaling_policy_configuration[0].disable_scale_in
    ])
    error_message = "Tracking adds tasks only; one alarm takes them away."
  }

  assert {
    condition     = aws_appautoscaling_policy.cpu[0].target_tracking_scaling_policy_configuration[0].target_value == 70
    error_message = "The processor is held at 70 %, unless stated."
  }
}

run "steps_on_the_lag_of_fan_out" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.lag[0].metric_name == "SubscribeToShardEvent.MillisBehindLatest" && aws_cloudwatch_metric_alarm.lag[0].threshold == 30000
    error_message = "Enhanced fan-out tells its lag in milliseconds."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.lag[0].dimensions == tomap({ StreamName = "etl-test-raw", ConsumerName = "enricher" })
    error_message = "It is the consumer's own lag."
  }

  assert {
    condition = [
      for step in aws_appautoscaling_policy.lag[0].step_scaling_policy_configuration[0].step_adjustment :
      step.scaling_adjustment if step.metric_interval_lower_bound == "120000"
    ] == [50]
    error_message = "From five times the threshold on, half as many tasks more."
  }
}

run "fewer_tasks_only_when_the_rest_has_room_and_no_lag" {
  assert {
    condition = one([
      for query in aws_cloudwatch_metric_alarm.scale_in[0].metric_query : query.expression if query.return_data == true
    ]) == "IF(FILL(lag, 0) < 30000, MAX([use_by_cpu, use_by_bytes]), 9)"
    error_message = "The larger use counts, and any lag keeps the tasks."
  }

  assert {
    condition = one([
      for query in aws_cloudwatch_metric_alarm.scale_in[0].metric_query : query.expression if query.id == "use_by_bytes"
    ]) == "FILL(bytes, 0) / 100000000 / left"
    error_message = "By bytes: those of the stream over what the tasks left are to take."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.scale_in[0].metric_query) <= 10
    error_message = "CloudWatch takes ten metrics in an alarm."
  }

  assert {
    condition     = aws_appautoscaling_policy.scale_in[0].step_scaling_policy_configuration[0].min_adjustment_magnitude == 1
    error_message = "At least one task goes."
  }
}

run "polling_consumers_by_the_services_own_lag" {
  variables {
    scaling = { min_tasks = 1, max_tasks = 4, lag = { seconds = 60 }, idle_tasks_alarm = true, alarm_topic_arns = ["arn:aws:sns:us-east-1:123456789012:tickets"] }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.lag[0].metric_name == "LagSeconds" && aws_cloudwatch_metric_alarm.lag[0].namespace == "StreamingETL/etl-test" && aws_cloudwatch_metric_alarm.lag[0].threshold == 60
    error_message = "The service's LagSeconds, in seconds."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.lag[0].dimensions == tomap({ Service = "enricher" })
    error_message = "Of this service."
  }

  assert {
    condition     = length(aws_appautoscaling_policy.bytes) == 0 && length(aws_cloudwatch_metric_alarm.idle_tasks) == 1
    error_message = "No bytes, no policy on bytes; tasks without a shard are told of."
  }
}

run "requests_behind_a_load_balancer" {
  variables {
    service = "ingest-api"
    scaling = {
      min_tasks = 2
      max_tasks = 10
      requests  = { resource_label = "app/etl/0123456789abcdef/targetgroup/etl/fedcba9876543210", per_target_per_minute = 12000 }
    }
  }

  assert {
    condition     = aws_appautoscaling_policy.requests[0].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].resource_label == "app/etl/0123456789abcdef/targetgroup/etl/fedcba9876543210"
    error_message = "Requests are those of the load balancer's target group."
  }

  assert {
    condition = one(flatten([
      for query in aws_cloudwatch_metric_alarm.scale_in[0].metric_query : [for metric in query.metric : metric.dimensions] if query.id == "requests"
    ])) == tomap({ LoadBalancer = "app/etl/0123456789abcdef", TargetGroup = "targetgroup/etl/fedcba9876543210" })
    error_message = "Tasks are taken away by the same requests."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.lag) == 0
    error_message = "A service that reads no stream has no lag."
  }
}

run "a_fixed_number" {
  variables {
    scaling = null
  }

  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && length(aws_cloudwatch_metric_alarm.scale_in) == 0
    error_message = "Without scaling there is no scalable target."
  }
}

run "refuses_no_task_at_all" {
  command = plan

  variables {
    scaling = { min_tasks = 0, max_tasks = 4 }
  }

  expect_failures = [var.scaling]
}

run "refuses_more_tasks_than_shards" {
  command = plan

  variables {
    scaling = { min_tasks = 1, max_tasks = 9, open_shards = 8 }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_full_processor" {
  command = plan

  variables {
    scaling = { min_tasks = 1, max_tasks = 4, cpu_target_percent = 95 }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_cooldown_below_a_metric" {
  command = plan

  variables {
    scaling = { min_tasks = 1, max_tasks = 4, scale_out_cooldown_seconds = 30 }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_consumer_without_its_stream" {
  command = plan

  variables {
    scaling = { min_tasks = 1, max_tasks = 4, lag = { consumer_name = "enricher" } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_label_that_is_none" {
  command = plan

  variables {
    scaling = { min_tasks = 1, max_tasks = 4, requests = { resource_label = "etl", per_target_per_minute = 1000 } }
  }

  expect_failures = [var.scaling]
}
