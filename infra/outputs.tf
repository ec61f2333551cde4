output "ingest_url" {
  description = "Where senders send to: POST INGEST_URL/v1/events with X-API-Key."
  value       = module.ingest.url
}

output "ingest_dns_name" {
  description = "The load balancer's own name, for a record that is kept elsewhere."
  value       = module.ingest.dns_name
}

output "streams" {
  description = "Kinesis streams by their part in the pipeline."
  value       = local.streams
}

output "delivery_streams" {
  description = "Firehose delivery streams by their part in the pipeline."
  value       = local.firehose.names
}

output "archive_bucket" {
  description = "Bucket of everything that was archived."
  value       = module.lake.bucket_name
}

output "catalog_database" {
  description = "Glue database of the archive's tables, for Athena and Redshift."
  value       = module.catalog.database_name
}

output "search" {
  description = "OpenSearch: address within the VPC, and the secret of its first user; null where there is none."
  value       = local.has_search ? { url = local.search_url, secret_arn = local.search_secret_arn } : null
}

output "search_job" {
  description = "The task that sets the search domain up, as RunTask takes it: `etl deploy` runs it; null where there is no domain."
  value = local.has_search ? {
    cluster         = module.cluster.cluster.arn
    task_definition = module.search[0].job.task_definition
    log_group_name  = module.search[0].job.log_group_name
    network_configuration = {
      awsvpcConfiguration = {
        subnets        = module.network.task_subnet_ids
        securityGroups = [module.search[0].job.security_group_id]
        assignPublicIp = module.network.assign_public_ip ? "ENABLED" : "DISABLED"
      }
    }
  } : null
}

output "warehouse" {
  description = "Redshift Serverless: workgroup and database; null where there is none."
  value       = one([for warehouse in module.warehouse : { workgroup = warehouse.workgroup_name, database = warehouse.database }])
}

output "cluster_name" {
  description = "ECS cluster of the services."
  value       = module.cluster.cluster.name
}

output "services" {
  description = "ECS service, log group and task role of each service, for deployments and policy checks."
  value = {
    for service, made in module.service : service => {
      service_name        = made.service_name
      task_definition_arn = made.task_definition_arn
      log_group_name      = made.log_group_name
      task_role_arn       = made.task_role_arn
    }
  }
}

output "images" {
  description = "Image of each service, by digest where it was deployed so."
  value       = local.images
}

output "sender_secrets" {
  description = "Secrets of rotated_senders, by name: each sender reads api_key of its own."
  value       = merge([for rotation in module.rotation : rotation.secret_arns]...)
}

output "audit" {
  description = "The trail of data events and the bucket of its files; null where none is kept."
  value       = one([for audit in module.audit : { trail = audit.trail_name, bucket = audit.bucket_name, log_group = audit.log_group_name }])
}

output "environment" {
  description = "Environment variables of each service's task, without secrets."
  value       = { for service, made in module.service : service => made.environment }
}

output "task_policies" {
  description = "What each service may do, as JSON, for policy checks."
  value       = { for service, made in module.service : service => made.task_policy }
}

output "alert_topic_arn" {
  description = "Topic of the alerts that the SQL raises."
  value       = aws_sns_topic.alerts.arn
}

output "page_topic_arn" {
  description = "Topic of what must be acted on now."
  value       = module.monitoring.page_topic_arn
}

output "ticket_topic_arn" {
  description = "Topic of what must be acted on this week."
  value       = module.monitoring.ticket_topic_arn
}

output "dashboard_name" {
  description = "Dashboard in CloudWatch."
  value       = module.monitoring.dashboard_name
}

output "nat_public_ips" {
  description = "Public addresses of outgoing connections, where there is a NAT gateway."
  value       = module.network.nat_public_ips
}

output "key_arns" {
  description = "KMS keys by what they encrypt."
  value       = local.keys
}

output "state_bucket" {
  description = "Bucket of the aggregator's states, for etl state."
  value       = module.state.bucket_name
}
