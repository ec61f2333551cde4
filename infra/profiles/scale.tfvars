# 10,000 to 1,000,000 events a second of 500 bytes, KPL-aggregated: at the top 500 MB/s, that is 500 shards of raw and more of
# enriched. Quotas to raise before: docs/performance.md lists them. Three zones, everything read by fan-out, the
# aggregator over all its tasks, streams resharded by the function, masters apart, the archive copied, backups locked.
network = {
  zones                    = 3
  private                  = true
  flow_logs_retention_days = 90
}

retention = { log_days = 90 }

streams = {
  raw            = { mode = "autoscaled", shards = 16, min_shards = 16, max_shards = 640 }
  enriched       = { mode = "autoscaled", shards = 24, min_shards = 24, max_shards = 1000 }
  exchange       = { mode = "autoscaled", shards = 16, min_shards = 16, max_shards = 256 }
  aggregates     = { mode = "autoscaled", shards = 4, min_shards = 4, max_shards = 64 }
  alerts         = { mode = "provisioned", shards = 2 }
  late           = { mode = "provisioned", shards = 2 }
  "dead-letters" = { mode = "provisioned", shards = 4, retention_hours = 168 }
}

fan_out = ["enricher", "aggregator", "indexer"]

aggregator = { distribution = "shards" }

services = {
  "ingest-api" = { cpu = 2048, memory = 4096, min_tasks = 6, max_tasks = 200, on_demand_base = 6, on_demand_weight = 1, spot_weight = 2, requests_per_task_per_minute = 60000 }
  enricher     = { cpu = 1024, memory = 4096, min_tasks = 6, max_tasks = 300, on_demand_base = 3, spot_weight = 1, bytes_per_task_per_minute = 100000000, lag_seconds = 30 }
  aggregator   = { cpu = 2048, memory = 8192, min_tasks = 6, max_tasks = 200, on_demand_base = 6, on_demand_weight = 1, spot_weight = 1, bytes_per_task_per_minute = 400000000, lag_seconds = 30 }
  indexer      = { cpu = 1024, memory = 4096, min_tasks = 6, max_tasks = 500, on_demand_base = 3, spot_weight = 1, bytes_per_task_per_minute = 100000000, lag_seconds = 30 }
  console      = { cpu = 512, memory = 1024 }
}

ingest = { waf = { enabled = true, requests_per_minute = 600000 } }

archive = { buffer_mib = 128, buffer_seconds = 120 }

search = {
  nodes   = { type = "r7g.2xlarge.search", count = 12, zones = 3, volume_gib = 1000, iops = 6000, throughput_mib = 500 }
  masters = { type = "m7g.large.search", count = 3 }
}

warehouse = { enabled = true, capacity = { base = 64, max = 512 } }

monitoring = { container_insights = "enabled" }

backup = {
  enabled      = true
  vault_lock   = { mode = "governance" }
  restore_test = {}
}

audit = { enabled = true, object_lock = { mode = "GOVERNANCE", days = 365 } }

budget = { monthly_limit_usd = 150000 }
