output "stream_names" {
  description = "Names of the streams by logical name: what the services' *_STREAM settings are set to."
  value       = { for name, stream in local.made : name => stream.name }
}

output "stream_arns" {
  description = "ARNs of the streams by logical name."
  value       = { for name, stream in local.made : name => stream.arn }
}

output "streams" {
  description = "Name, ARN and key of each stream by logical name, as the modules iot, cdc and logs take them."
  value       = { for name, stream in local.made : name => { name = stream.name, arn = stream.arn, kms_key_arn = var.kms_key_arn } }
}

output "modes" {
  description = "Mode of each stream by logical name."
  value       = { for name, stream in var.streams : name => stream.mode }
}

output "consumer_arns" {
  description = "ARNs of the enhanced fan-out consumers by stream/consumer, such as raw/enricher."
  value       = { for id, consumer in aws_kinesis_stream_consumer.this : id => consumer.arn }
}

output "consumers" {
  description = "Stream and name of each enhanced fan-out consumer by stream/consumer, as alarms on their lag need them."
  value       = { for id, consumer in local.consumers : id => { stream_name = local.made[consumer.stream].name, consumer_name = consumer.name } }
}
