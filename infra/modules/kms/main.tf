data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  region = data.aws_region.current.name

  # Services that use a key in their own name. All others use it in the name of a role, which its policy lets.
  services = {
    logs   = { domain = "logs", principals = ["logs.${local.region}.amazonaws.com"], condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:${local.region}:${var.account_id}:*" } } }
    alerts = { domain = "alerts", principals = ["backup.amazonaws.com", "budgets.amazonaws.com", "cloudwatch.amazonaws.com"], condition = { StringEquals = { "aws:SourceAccount" = var.account_id } } }
    # EventBridge says no account when it publishes to a topic, so that a condition on one would drop what it tells:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    rules = { domain = "alerts", principals = ["events.amazonaws.com"], condition = {} }
    # Redshift and OpenSearch take grants through the principal that makes them; DynamoDB, S3 and Kinesis likewise.
  }

  keys = var.shared ? { shared = var.domains } : { for domain in var.domains : domain => [domain] }

  owner_statement = {
    Sid       = "AccountDecidesByIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  policies = {
    for key, domains in local.keys : key => jsonencode({
      Version = "2012-10-17"
      Statement = concat([local.owner_statement], [
        for name in sort(keys(local.services)) : merge(
          {
            Sid       = "Services${title(name)}"
            Effect    = "Allow"
            Principal = { Service = local.services[name].principals }
            Action    = name == "rules" ? ["kms:Decrypt", "kms:GenerateDataKey*"] : ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
            Resource  = "*"
          },
          length(local.services[name].condition) == 0 ? {} : { Condition = local.services[name].condition },
        ) if contains(domains, local.services[name].domain)
      ])
    })
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = "${var.name} ${each.key}"
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = local.policies[each.key]
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  for_each = aws_kms_key.this

  name          = "alias/${var.name}-${each.key}"
  target_key_id = each.value.key_id
}
