# What cannot work is refused before anything is made, with words that say what to do. Several at once: a plan takes time.
mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

run "each_by_itself" {
  command = plan

  variables {
    # What a tag means must not change.
    images = { repository_prefix = "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl", tag = "latest" }
    # A key in place of its hash.
    senders = { web = { tenant = "default", sha256 = "my-key" } }
    # A stream that no service has.
    streams            = { raw = {}, enriched = {}, aggregates = {}, alerts = {}, late = {}, "dead-letters" = {}, other = {} }
    fan_out            = ["ingest-api"]
    availability_zones = ["us-east-1a"]
    analytics          = { enabled = true }
    cdc                = { enabled = true }
    account_id         = "etl"
    # A copy beside the original.
    region         = "us-east-1"
    replica_region = "us-east-1"
    name           = "streaming-etl-production-eu"
  }

  expect_failures = [
    var.images, var.senders, var.streams, var.fan_out, var.availability_zones, var.analytics, var.cdc, var.account_id, var.name,
    var.replica_region,
  ]
}

run "together" {
  command = plan

  variables {
    # Nobody may send.
    senders = {}
    # The exchange stream is missing.
    aggregator = { distribution = "shards" }
    # The indexer has no domain to write to.
    search = { enabled = false }
    # An encrypted archive without a key for its copy.
    replica_region = "us-west-2"
  }

  expect_failures = [var.senders, var.streams, var.services, var.archive]
}

run "an_application_before_itself" {
  command = plan

  variables {
    # It would keep and use the same tables; and its key is an alias.
    aggregator = { former = { aggregator = "single" }, pipelines = { bucket = "sql", prefix = "etl", kms_key_arn = "alias/sql" } }
  }

  expect_failures = [var.aggregator]
}

run "a_retention_that_the_indexer_may_not_keep" {
  command = plan

  variables {
    services = { "ingest-api" = {}, enricher = {}, aggregator = {}, indexer = { environment = { INDEXER_RETENTION_DAYS = "30" } } }
  }

  expect_failures = [var.services]
}
