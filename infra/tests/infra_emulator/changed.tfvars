# What is changed once all is there: none of it may replace anything.
tags      = { Owner = "data" }
retention = { log_days = 14, deletion_protection = false }

streams = {
  raw            = { mode = "on-demand" }
  enriched       = { mode = "provisioned", shards = 4 }
  aggregates     = { mode = "provisioned", shards = 1, retention_hours = 48 }
  alerts         = { mode = "provisioned", shards = 1 }
  late           = { mode = "provisioned", shards = 1 }
  "dead-letters" = { mode = "provisioned", shards = 1, retention_hours = 48 }
  exchange       = { mode = "provisioned", shards = 1 }
}

services = {
  "ingest-api" = { cpu = 256, memory = 512, min_tasks = 2, max_tasks = 6, on_demand_base = 1, requests_per_task_per_minute = 6000 }
  enricher     = { cpu = 1024, memory = 2048, min_tasks = 1, max_tasks = 4, bytes_per_task_per_minute = 100000000, lag_seconds = 30 }
  aggregator   = { cpu = 512, memory = 1024, min_tasks = 1, max_tasks = 2 }
}
