# What a profile does not show: a change of the aggregator's distribution, SQL under a foreign key, sessions in containers.
mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

run "an_aggregator_that_is_changed_over" {
  command = apply

  variables {
    network = { private = true }
    streams = { raw = {}, enriched = {}, aggregates = {}, alerts = {}, late = {}, "dead-letters" = {}, exchange = {} }
    fan_out = ["enricher", "aggregator"]
    services = {
      "ingest-api" = {}
      enricher     = {}
      aggregator   = { memory = 1024 }
      indexer      = {}
      console      = {}
    }
    aggregator = {
      distribution = "shards"
      application  = "aggregator-2"
      former       = { aggregator = "single" }
      pipelines = {
        bucket      = "sql-of-others"
        prefix      = "etl/"
        kms_key_arn = "arn:aws:kms:us-east-1:999999999999:key/99999999-2222-3333-4444-555555555555"
      }
    }
  }

  assert {
    condition = output.environment.aggregator.AGGREGATOR_APPLICATION == "aggregator-2" && alltrue([
      for setting in ["LEASE_TABLE", "ALERT_LEASE_TABLE", "EXCHANGE_LEASE_TABLE"] :
      startswith(output.environment.aggregator["AGGREGATOR_${setting}"], "etl-test-aggregator-2-")
    ])
    error_message = "Another distribution runs as another application, on lease tables of its own: shardline refuses those of another one."
  }
  assert {
    condition = length(setsubtract(
      ["aggregator-leases", "aggregator-alert-leases", "aggregator-2-leases", "aggregator-2-alert-leases", "aggregator-2-exchange-leases"],
      keys(module.state.table_arns)
    )) == 0
    error_message = "The tables of the application before are kept, or a rollback would find nothing."
  }
  assert {
    condition     = toset([for id in keys(module.stream.consumers) : id if !startswith(id, "raw/")]) == toset(["enriched/aggregator", "enriched/aggregator-2", "exchange/aggregator-2-exchange"])
    error_message = "Consumers carry the application's name, and those of the one before are kept too."
  }
  assert {
    condition = length([
      for statement in jsondecode(output.task_policies.aggregator).Statement : statement
      if try(contains(statement.Resource, "arn:aws:kms:us-east-1:999999999999:key/99999999-2222-3333-4444-555555555555"), false) && statement.Action == ["kms:Decrypt"]
    ]) == 1
    error_message = "SQL under a key that is not of this configuration can be decrypted, and nothing encrypted by it."
  }
  assert {
    condition     = length(setsubtract(["ssmmessages", "kms"], keys(module.network.interface_endpoints))) == 0
    error_message = "Sessions in a container come over Systems Manager and a key: without their endpoints the console is out of reach."
  }
  assert {
    condition     = strcontains(output.task_policies.console, "logs:PutLogEvents") && strcontains(output.task_policies.console, "kms:Decrypt")
    error_message = "What is typed in a session of the console is kept, encrypted."
  }
}
