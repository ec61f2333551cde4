# Kinesis streams and their enhanced fan-out consumers.
#
# `ignore_changes` cannot depend on a variable, so each mode is a resource of its own. A stream that changes between
# "provisioned" and "autoscaled" moves in the state, by `terraform state mv`, and is not made anew: see the README.

locals {
  on_demand   = { for name, stream in var.streams : name => stream if stream.mode == "on-demand" }
  provisioned = { for name, stream in var.streams : name => stream if stream.mode == "provisioned" }
  autoscaled  = { for name, stream in var.streams : name => stream if stream.mode == "autoscaled" }

  kms_key_id = var.kms_key_arn == null ? "alias/aws/kinesis" : var.kms_key_arn

  made = merge(aws_kinesis_stream.on_demand, aws_kinesis_stream.provisioned, aws_kinesis_stream.autoscaled)

  consumers = merge([for name, stream in var.streams : {
    for consumer in stream.consumers : "${name}/${consumer}" => { stream = name, name = consumer }
  }]...)
}

resource "aws_kinesis_stream" "on_demand" {
  for_each                  = local.on_demand
  name                      = "${var.name}-${each.key}"
  retention_period          = each.value.retention_hours
  shard_level_metrics       = each.value.shard_level_metrics
  encryption_type           = "KMS"
  kms_key_id                = local.kms_key_id
  enforce_consumer_deletion = true
  tags                      = var.tags

  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}

resource "aws_kinesis_stream" "provisioned" {
  for_each                  = local.provisioned
  name                      = "${var.name}-${each.key}"
  shard_count               = each.value.shards
  retention_period          = each.value.retention_hours
  shard_level_metrics       = each.value.shard_level_metrics
  encryption_type           = "KMS"
  kms_key_id                = local.kms_key_id
  enforce_consumer_deletion = true
  tags                      = var.tags

  stream_mode_details {
    stream_mode = "PROVISIONED"
  }
}

resource "aws_kinesis_stream" "autoscaled" {
  for_each                  = local.autoscaled
  name                      = "${var.name}-${each.key}"
  shard_count               = each.value.shards
  retention_period          = each.value.retention_hours
  shard_level_metrics       = each.value.shard_level_metrics
  encryption_type           = "KMS"
  kms_key_id                = local.kms_key_id
  enforce_consumer_deletion = true
  tags                      = var.tags

  stream_mode_details {
    stream_mode = "PROVISIONED"
  }

  lifecycle {
    # The resharding function decides how many there are.
    ignore_changes = [shard_count]
  }
}

resource "aws_kinesis_stream_consumer" "this" {
  for_each   = local.consumers
  name       = each.value.name
  stream_arn = local.made[each.value.stream].arn
}
