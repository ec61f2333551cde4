variable "scaling" {
  description = <<-EOT
    How many tasks to run; null runs `desired_count` of them, always. Tasks are added by whichever of these asks for most,
    and a quarter of them taken away when, for ten minutes, the rest would have had room by all of them. The service must
    publish its own metrics (METRICS_EMF_SECONDS=60), or no task is ever taken away.
    `cpu_target_percent`: mean processor use to hold; never left out.
    `bytes`: bytes a minute of its stream that one task is to take (target tracking, by metric math over what is written
    to the stream and the tasks that report `EventLoopLagSeconds`).
    `requests`: requests a minute that one task behind a load balancer is to take; `resource_label` as ALBRequestCountPerTarget
    wants it (app/NAME/ID/targetgroup/NAME/ID).
    `lag`: steps out while the consumer is more than `seconds` behind. With `consumer_name` by enhanced fan-out's own metric
    of the stream, else by the service's LagSeconds.
    `open_shards`: shards of the stream, where their number is fixed: a task without a shard has nothing to do.
    `idle_tasks_alarm`: alarm when there have been more tasks than leases for half an hour, on `alarm_topic_arns`.
    `metrics_namespace`: of the service's own metrics; null is "StreamingETL/<name>".
  EOT
  type = object({
    min_tasks          = number
    max_tasks          = number
    cpu_target_percent = optional(number, 70)
    bytes = optional(object({
      stream_name         = string
      per_task_per_minute = number
    }))
    requests = optional(object({
      resource_label        = string
      per_target_per_minute = number
    }))
    lag = optional(object({
      stream_name   = optional(string)
      consumer_name = optional(string)
      seconds       = optional(number, 30)
    }))
    open_shards                = optional(number)
    scale_out_cooldown_seconds = optional(number, 180)
    scale_in_cooldown_seconds  = optional(number, 300)
    idle_tasks_alarm           = optional(bool, false)
    alarm_topic_arns           = optional(list(string), [])
    metrics_namespace          = optional(string)
  })
  default = null

  validation {
    condition     = var.scaling == null ? true : var.scaling.min_tasks >= 1 && var.scaling.min_tasks <= var.scaling.max_tasks
    error_message = "scaling: set 1 <= min_tasks <= max_tasks; with no task at all there are no metrics to scale out by."
  }

  validation {
    condition     = try(var.scaling.max_tasks <= var.scaling.open_shards, true)
    error_message = "scaling: max_tasks is above open_shards; lower it, or add shards: a shard is read by one task, the rest would stand idle."
  }

  validation {
    condition     = var.scaling == null ? true : var.scaling.cpu_target_percent >= 20 && var.scaling.cpu_target_percent <= 90
    error_message = "scaling: cpu_target_percent is 20 to 90; above that a backlog could never be worked off."
  }

  validation {
    condition     = try(var.scaling.bytes.per_task_per_minute > 0, true) && try(var.scaling.requests.per_target_per_minute > 0, true)
    error_message = "scaling: per_task_per_minute and per_target_per_minute are above 0; docs/performance.md says what a task takes."
  }

  validation {
    condition     = try(var.scaling.lag.seconds >= 10, true)
    error_message = "scaling: lag.seconds is at least 10; hand-over of shards alone makes a lag of some seconds."
  }

  validation {
    condition     = try(var.scaling.lag.consumer_name, null) == null || try(var.scaling.lag.stream_name, null) != null
    error_message = "scaling: lag.consumer_name needs lag.stream_name, the stream that it reads."
  }

  validation {
    condition     = try(var.scaling.requests, null) == null || can(regex("^app/.+/.+/targetgroup/.+/.+$", var.scaling.requests.resource_label))
    error_message = "scaling: requests.resource_label is app/NAME/ID/targetgroup/NAME/ID: the load balancer's and the target group's arn_suffix, joined by a slash."
  }

  validation {
    condition     = try(var.scaling.scale_in_cooldown_seconds >= 60 && var.scaling.scale_out_cooldown_seconds >= 60, true)
    error_message = "scaling: cool-downs are at least 60 seconds: metrics come a minute apart, and a task needs about one to start."
  }
}
