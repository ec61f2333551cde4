# About 2,000 events a second of 500 bytes, with bursts. Private subnets and endpoints in three zones (Redshift asks for
# them), streams that AWS scales, a key a domain, two tasks of everything that matters, two search nodes, a warehouse,
# backups.
network = {
  zones                    = 3
  private                  = true
  flow_logs_retention_days = 30
}

retention = { log_days = 30 }

streams = {
  raw            = {}
  enriched       = {}
  aggregates     = { mode = "provisioned", shards = 2 }
  alerts         = { mode = "provisioned", shards = 1 }
  late           = { mode = "provisioned", shards = 1 }
  "dead-letters" = { mode = "provisioned", shards = 1, retention_hours = 168 }
}

# The indexer polls: what is searchable a second later costs no consumer on five streams.
fan_out = ["enricher", "aggregator"]

services = {
  "ingest-api" = { cpu = 512, memory = 1024, min_tasks = 2, max_tasks = 10, on_demand_base = 2, requests_per_task_per_minute = 12000 }
  enricher     = { cpu = 512, memory = 1024, min_tasks = 2, max_tasks = 8, on_demand_base = 1, bytes_per_task_per_minute = 50000000, lag_seconds = 30 }
  # One works, one stands by.
  aggregator = { cpu = 1024, memory = 2048, min_tasks = 2, max_tasks = 2, on_demand_base = 1 }
  indexer    = { cpu = 512, memory = 1024, min_tasks = 2, max_tasks = 6, on_demand_base = 1, bytes_per_task_per_minute = 50000000, lag_seconds = 30 }
  console    = { cpu = 256, memory = 512 }
}

ingest = { waf = { enabled = true } }

search = {
  nodes = { type = "m7g.large.search", count = 2, zones = 2, volume_gib = 100 }
}

warehouse = { enabled = true, capacity = { base = 8, max = 32, daily_rpu_hours = 64 } }

backup = { enabled = true }

budget = { monthly_limit_usd = 4000 }
