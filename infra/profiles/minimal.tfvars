# About 100 events a second of 500 bytes, for $50 to $200 a month: `etl cost --profile minimal` lists what each part costs.
# Public subnets with closed security groups instead of NAT and endpoints, one shard a stream, polling, Spot, one search
# node. It survives the loss of a task, not of the search node: what the indexer could not write waits in the streams.
network = {
  zones               = 2
  private             = false
  interface_endpoints = []
}

encryption = { shared_key = true }

retention = { log_days = 7 }

streams = {
  raw            = { mode = "provisioned", shards = 1 }
  enriched       = { mode = "provisioned", shards = 1 }
  aggregates     = { mode = "provisioned", shards = 1 }
  alerts         = { mode = "provisioned", shards = 1 }
  late           = { mode = "provisioned", shards = 1 }
  "dead-letters" = { mode = "provisioned", shards = 1 }
}

fan_out = []

services = {
  "ingest-api" = { cpu = 256, memory = 512 }
  enricher     = { cpu = 256, memory = 512 }
  # A commit is an object in S3: each five seconds instead of each second saves $15 a month, and windows come later by as much.
  aggregator = { cpu = 256, memory = 1024, environment = { AGGREGATOR_COMMIT_SECONDS = "5" } }
  indexer    = { cpu = 256, memory = 512 }
}

archive = { access_logs = false }

search = {
  nodes      = { type = "t3.small.search", count = 1, zones = 1, volume_gib = 20 }
  audit_logs = false
}

budget = { monthly_limit_usd = 200 }
