# What each service may do: the streams, tables and objects of its part, and no other.
locals {
  consumers = module.stream.consumer_arns
  table_arn = module.state.table_arns

  dead_letters = {
    stream   = local.arns["dead-letters"]
    delivery = local.firehose.arns["dead-letters"]
    objects  = { bucket_arn = module.lake.bucket_arn, prefix = "dead-letter-originals/", put = true }
  }

  # A consumer decrypts what it reads and encrypts what it writes; Firehose encrypts by its own role.
  consumer_keys = [
    { arn = local.keys.streams, via = ["kinesis"], encrypt = true, decrypt = true },
    { arn = local.keys.state, via = ["dynamodb"], decrypt = true },
    { arn = local.keys.lake, via = ["s3"], encrypt = true },
  ]

  exchange_arns        = [for name, arn in local.arns : arn if name == "exchange"]
  aggregator_consumers = flatten([for application in keys(local.aggregators) : ["enriched/${application}", "exchange/${application}-exchange"]])

  access = {
    "ingest-api" = {
      write_streams = [local.arns.raw]
      secrets       = local.senders_secrets
      keys = [
        { arn = local.keys.streams, via = ["kinesis"], encrypt = true },
        { arn = local.keys.secrets, via = ["secretsmanager"], decrypt = true },
      ]
    }
    enricher = {
      read_streams   = [local.arns.raw]
      read_consumers = [for id, arn in local.consumers : arn if id == "raw/enricher"]
      write_streams  = [local.arns.enriched, local.dead_letters.stream]
      # With ENRICHER_AGGREGATE=shard.
      list_streams     = [local.arns.enriched]
      delivery_streams = [local.firehose.arns.enriched, local.dead_letters.delivery]
      lease_tables     = [local.table_arn["enricher-leases"]]
      objects          = [local.dead_letters.objects]
      keys             = local.consumer_keys
    }
    aggregator = {
      # Alerts are read again, to be published. An application before this one keeps its rights as long as its tables are
      # kept: its tasks run until the new ones are healthy, and again after a deployment that is rolled back.
      read_streams   = concat([local.arns.enriched, local.arns.alerts], local.exchange_arns)
      read_consumers = [for id, arn in local.consumers : arn if contains(local.aggregator_consumers, id)]
      write_streams = concat(
        [local.arns.aggregates, local.arns.alerts, local.arns.late, local.dead_letters.stream],
        local.exchange_arns,
      )
      delivery_streams = [local.firehose.arns.aggregates, local.dead_letters.delivery]
      lease_tables     = [for name in local.aggregator_tables : local.table_arn[name]]
      state_tables     = [local.table_arn["aggregator-state"]]
      objects = concat(
        [local.dead_letters.objects],
        [{ bucket_arn = module.state.bucket_arn, prefix = "aggregator/", get = true, put = true, delete = true, list = true, whole = true }],
        var.aggregator.pipelines == null ? [] : [{
          bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.aggregator.pipelines.bucket}"
          prefix     = "${trimsuffix(var.aggregator.pipelines.prefix, "/")}/"
          get        = true
          list       = true
        }],
      )
      topics = [aws_sns_topic.alerts.arn]
      keys = concat(local.consumer_keys, [
        { arn = local.keys.state, via = ["s3"], encrypt = true, decrypt = true },
        { arn = local.keys.alerts, via = ["sns"], encrypt = true, decrypt = true },
        ], [
        # The files' bucket is not of this configuration, and neither need its key be.
        for key in [try(var.aggregator.pipelines.kms_key_arn, null)] : { arn = key, via = ["s3"], decrypt = true } if key != null
      ])
    }
    indexer = {
      read_streams     = [for kind in local.indexed : local.arns[kind]]
      read_consumers   = [for id, arn in local.consumers : arn if endswith(id, "/indexer")]
      write_streams    = [local.dead_letters.stream]
      delivery_streams = [local.dead_letters.delivery]
      lease_tables     = [for name, arn in local.table_arn : arn if startswith(name, "indexer-leases-")]
      objects          = [local.dead_letters.objects]
      keys             = local.consumer_keys
      search_domains   = local.has_search && var.search.sign_requests ? [{ arn = module.search[0].domain_arn, put = true }] : []
    }
    console = {
      search_domains = local.has_search && var.search.sign_requests ? [{ arn = module.search[0].domain_arn }] : []
      list_streams   = [for name, arn in local.arns : arn if name != "exchange"]
      scan_tables    = [for name, arn in local.table_arn : arn if contains(["enricher-leases", "${var.aggregator.application}-leases"], name) || startswith(name, "indexer-leases-")]
      keys           = [{ arn = local.keys.state, via = ["dynamodb"], decrypt = true }]
    }
  }
}
