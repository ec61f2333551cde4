mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "etl-test"
  bucket_name = "archive"
}

run "tables" {
  # One table a delivery stream, each where Firehose writes it, in the format that it writes.
  command = apply

  assert {
    condition     = output.table_names == { enriched = "enriched", aggregates = "aggregates", dead-letters = "dead_letters" } && output.database_name == "etl_test"
    error_message = "names differ"
  }

  assert {
    condition     = aws_glue_catalog_table.this["enriched"].storage_descriptor[0].location == "s3://archive/enriched/" && aws_glue_catalog_table.this["enriched"].parameters["storage.location.template"] == "s3://archive/enriched/$${hour}/"
    error_message = "the table lies elsewhere"
  }

  assert {
    condition     = endswith(aws_glue_catalog_table.this["enriched"].storage_descriptor[0].ser_de_info[0].serialization_library, "ParquetHiveSerDe") && endswith(aws_glue_catalog_table.this["dead-letters"].storage_descriptor[0].ser_de_info[0].serialization_library, "jsonserde.JsonSerDe")
    error_message = "the formats differ from what is delivered"
  }

  assert {
    condition     = [for key in aws_glue_catalog_table.this["enriched"].partition_keys : key.name] == ["hour"] && aws_glue_catalog_table.this["enriched"].parameters["projection.hour.range"] == "2026/01/01/00,NOW+1HOURS"
    error_message = "partitions differ"
  }

  assert {
    condition     = output.columns.enriched == ["id", "source", "type", "key", "time", "received", "tenant", "schema", "trace", "payload", "enrichment"]
    error_message = "the columns are not an event's"
  }

  assert {
    condition     = alltrue([for name, table in aws_glue_catalog_table.this : length(setintersection([for c in table.storage_descriptor[0].columns : c.name], [for key in table.partition_keys : key.name])) == 0])
    error_message = "a partition key has the name of a column"
  }
}

run "partition_keys" {
  # Keys of dynamic partitioning follow the hour, so that an hour stays one prefix.
  command = apply

  variables {
    tables = { enriched = { prefix = "enriched/", partition_keys = ["event_type", "event_tenant"] } }
  }

  assert {
    condition     = aws_glue_catalog_table.this["enriched"].parameters["storage.location.template"] == "s3://archive/enriched/$${hour}/event_type=$${event_type}/event_tenant=$${event_tenant}/"
    error_message = "the path differs from the one of delivery"
  }

  assert {
    condition     = aws_glue_catalog_table.this["enriched"].parameters["projection.event_type.type"] == "injected" && [for key in aws_glue_catalog_table.this["enriched"].partition_keys : key.name] == ["hour", "event_type", "event_tenant"]
    error_message = "keys are not projected"
  }
}

run "refuses_unknown_tables" {
  command = plan

  variables {
    tables = { raw = { prefix = "raw/" } }
  }

  expect_failures = [var.tables]
}

run "refuses_unknown_formats" {
  command = plan

  variables {
    tables = { enriched = { prefix = "enriched/", format = "orc" } }
  }

  expect_failures = [var.tables]
}

run "refuses_prefixes_without_slash" {
  command = plan

  variables {
    tables = { enriched = { prefix = "enriched" } }
  }

  expect_failures = [var.tables]
}

run "refuses_keys_that_hide_columns" {
  command = plan

  variables {
    tables = { enriched = { prefix = "enriched/", partition_keys = ["type"] } }
  }

  expect_failures = [var.tables]
}

run "refuses_other_dates" {
  command = plan

  variables {
    name      = "-"
    first_day = "2026-01-01"
  }

  expect_failures = [var.first_day, var.name]
}
