# The domain's logs, and the leave for OpenSearch to write them.

locals {
  log_types = concat(["ES_APPLICATION_LOGS", "INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS"], var.audit_logs ? ["AUDIT_LOGS"] : [])
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = toset(local.log_types)
  name              = "/aws/opensearch/${local.domain_name}/${lower(replace(each.key, "_", "-"))}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_resource_policy" "this" {
  policy_name = local.domain_name

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "es.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = [for group in aws_cloudwatch_log_group.this : "${group.arn}:*"]
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = local.domain_arn }
      }
    }]
  })
}
