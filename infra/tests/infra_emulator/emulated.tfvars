# What is applied against the emulators: private subnets with endpoints, every mode of stream, every service with its
# scaling, the archive with its rules, delivery in Parquet, sources, alarms, backups. What no emulator takes is left out, and
# proven by mocks and plans: the OpenSearch domain and with it the indexer, Redshift, DMS, composite alarms, the rotation of
# senders' keys (which ministack makes and cannot cancel).
name        = "etl-emul"
environment = "emulated"
account_id  = "000000000000"
region      = "us-east-1"

availability_zones = ["us-east-1a", "us-east-1b"]

images   = { repository_prefix = "000000000000.dkr.ecr.us-east-1.amazonaws.com/etl", tag = "0.1.0" }
endpoint = { plain_http_cidr_blocks = ["203.0.113.7/32"] }
senders  = { probe = { tenant = "default", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" } }
contacts = { page = ["page@example.com"], ticket = ["ticket@example.com"], budget = ["budget@example.com"] }

network = {
  zones               = 2
  private             = true
  nat                 = "single"
  interface_endpoints = ["kinesis-streams", "logs", "sts"]
}

retention = { log_days = 7, deletion_protection = false }

streams = {
  raw            = { mode = "on-demand" }
  enriched       = { mode = "provisioned", shards = 2 }
  aggregates     = { mode = "provisioned", shards = 1 }
  alerts         = { mode = "provisioned", shards = 1 }
  late           = { mode = "provisioned", shards = 1 }
  "dead-letters" = { mode = "provisioned", shards = 1, retention_hours = 48 }
  exchange       = { mode = "provisioned", shards = 1 }
}

fan_out = ["enricher", "aggregator"]

services = {
  "ingest-api" = { cpu = 256, memory = 512, min_tasks = 2, max_tasks = 4, on_demand_base = 1, requests_per_task_per_minute = 6000 }
  enricher     = { cpu = 512, memory = 1024, min_tasks = 1, max_tasks = 4, bytes_per_task_per_minute = 50000000, lag_seconds = 30 }
  aggregator   = { cpu = 512, memory = 1024, min_tasks = 1, max_tasks = 2 }
}

aggregator = { distribution = "shards" }

search = { enabled = false }

iot = { enabled = true }

backup = { enabled = true }

audit = { enabled = true }

budget = { monthly_limit_usd = 200 }
