# Sources that are switched on: the enricher is told of the formats that it does not take otherwise.
mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

run "none" {
  # What no source puts is not unpacked either.
  command = plan

  assert {
    condition     = !contains(keys(output.environment.enricher), "ENRICHER_RAW_FORMATS")
    error_message = "The enricher takes formats that no source writes."
  }
}

run "logs_and_dms" {
  # Without its setting the enricher sets aside every record of these two.
  command = apply

  variables {
    iot               = { enabled = true }
    log_subscriptions = { shop = { log_group = "/ecs/shop", distribution = "Random" } }
    cdc = {
      enabled = true
      engine  = "dms"
      source_database = {
        kind       = "mysql"
        host       = "db.example.com"
        port       = 3306
        database   = "shop"
        tables     = ["shop.orders"]
        secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
      }
      dms = { certificate_arn = "arn:aws:dms:us-east-1:123456789012:cert:ABC" }
    }
  }

  assert {
    condition     = output.environment.enricher.ENRICHER_RAW_FORMATS == "cloudwatch-logs,dms"
    error_message = "What these sources write would become dead letters."
  }
}

run "debezium" {
  # Its changes are recognised in any case.
  command = plan

  variables {
    cdc = {
      enabled        = true
      debezium_image = "quay.io/debezium/server:3.2"
      source_database = {
        kind       = "postgres"
        host       = "db.example.com"
        port       = 5432
        database   = "shop"
        tables     = ["public.orders"]
        secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
      }
    }
  }

  assert {
    condition     = !contains(keys(output.environment.enricher), "ENRICHER_RAW_FORMATS")
    error_message = "The enricher takes formats that no source writes."
  }
}
