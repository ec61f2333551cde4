# The Glue tables that give Firehose the columns of its Parquet, and Athena and Redshift their names.
#
# Partitions are projected: the hour is in the path that Firehose writes, so no crawler runs and none has to be added.

locals {
  # Glue and Athena take no hyphens.
  prefix = replace(var.name, "-", "_")

  formats = {
    parquet = {
      input  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
      output = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
      serde  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      options = {
        "serialization.format" = "1"
      }
    }
    json = {
      input  = "org.apache.hadoop.mapred.TextInputFormat"
      output = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
      serde  = "org.openx.data.jsonserde.JsonSerDe"
      options = {
        "case.insensitive"      = "false"
        "ignore.malformed.json" = "true"
      }
    }
  }

  locations = { for name, table in var.tables : name => "s3://${var.bucket_name}/${table.prefix}" }
}

resource "aws_glue_catalog_database" "this" {
  name        = local.prefix
  description = "What the streaming ETL ${var.name} has archived."
  tags        = var.tags
}

resource "aws_glue_catalog_table" "this" {
  for_each      = var.tables
  name          = replace(each.key, "-", "_")
  database_name = aws_glue_catalog_database.this.name
  table_type    = "EXTERNAL_TABLE"

  parameters = merge(
    {
      "EXTERNAL"                      = "TRUE"
      "classification"                = each.value.format
      "projection.enabled"            = "true"
      "projection.hour.type"          = "date"
      "projection.hour.format"        = "yyyy/MM/dd/HH"
      "projection.hour.range"         = "${var.first_day}/00,NOW+1HOURS"
      "projection.hour.interval"      = "1"
      "projection.hour.interval.unit" = "HOURS"
      "storage.location.template"     = "${local.locations[each.key]}$${hour}/${join("", [for key in each.value.partition_keys : "${key}=$${${key}}/"])}"
    },
    # Athena must be told the value: there is no list of an event's types or tenants.
    { for key in each.value.partition_keys : "projection.${key}.type" => "injected" },
  )

  dynamic "partition_keys" {
    for_each = concat(["hour"], each.value.partition_keys)

    content {
      name = partition_keys.value
      type = "string"
    }
  }

  storage_descriptor {
    location      = local.locations[each.key]
    input_format  = local.formats[each.value.format].input
    output_format = local.formats[each.value.format].output

    ser_de_info {
      serialization_library = local.formats[each.value.format].serde
      parameters            = local.formats[each.value.format].options
    }

    dynamic "columns" {
      for_each = local.columns[each.key]

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}
