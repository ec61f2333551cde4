data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  region = data.aws_region.current.name

  # Services that use a key in their own name. All others use it in the name of a role, which its policy lets.
  services = {
    logs   = { principals = ["logs.${local.region}.amazonaws.com"], condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:${local.region}:${var.account_id}:*" } } }
    alerts = { principals = ["backup.amazonaws.com", "budgets.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com"], condition = { StringEquals = { "aws:SourceAccount" = var.account_id } } }
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
        for domain in sort(tolist(domains)) : {
          Sid       = "Services${title(domain)}"
          Effect    = "Allow"
          Principal = { Service = local.services[domain].principals }
          Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
          Resource  = "*"
          Condition = local.services[domain].condition
        } if contains(keys(local.services), domain)
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
