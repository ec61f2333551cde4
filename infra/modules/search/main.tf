# An OpenSearch domain in the VPC: TLS and encryption everywhere, a user with a password that Secrets Manager made.
#
# Terraform does not talk to the domain itself, which only the VPC reaches: the task of job.tf does.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  domain_name = "${var.name}-search"
  domain_arn  = "arn:${data.aws_partition.current.partition}:es:${data.aws_region.current.name}:${var.account_id}:domain/${local.domain_name}"

  url = "https://${aws_opensearch_domain.this.endpoint}"

  # Burstable nodes have no Auto-Tune: AWS refuses it for them.
  burstable = can(regex("^t[0-9]+\\.", var.nodes.type))
}

resource "aws_iam_service_linked_role" "this" {
  count            = var.create_service_linked_role ? 1 : 0
  aws_service_name = "opensearchservice.amazonaws.com"
  tags             = var.tags
}

resource "aws_opensearch_domain" "this" {
  # checkov:skip=CKV_AWS_318: dedicated masters cost more than a small domain's data; `masters` switches them on.
  # checkov:skip=CKV_AWS_247: without a key of one's own AWS's key encrypts, which costs nothing.
  # checkov:skip=CKV2_AWS_59: the same as CKV_AWS_318.
  # checkov:skip=CKV_AWS_317: audit logs are on by default; a domain of trials may do without.
  depends_on      = [aws_iam_service_linked_role.this, aws_cloudwatch_log_resource_policy.this]
  domain_name     = local.domain_name
  engine_version  = var.engine_version
  access_policies = local.access_policy
  tags            = var.tags

  advanced_options = {
    # The indexer names the index of each document in the body of a bulk request; users' roles are asked for each.
    "rest.action.multi.allow_explicit_index" = "true"
    "override_main_response_version"         = "false"
  }

  cluster_config {
    instance_type            = var.nodes.type
    instance_count           = var.nodes.count
    zone_awareness_enabled   = var.nodes.zones > 1
    dedicated_master_enabled = var.masters != null
    dedicated_master_type    = one(var.masters[*].type)
    dedicated_master_count   = one(var.masters[*].count)

    dynamic "zone_awareness_config" {
      for_each = var.nodes.zones > 1 ? [var.nodes.zones] : []

      content {
        availability_zone_count = zone_awareness_config.value
      }
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.nodes.volume_gib
    iops        = coalesce(var.nodes.iops, max(3000, 3 * var.nodes.volume_gib))
    throughput  = coalesce(var.nodes.throughput_mib, var.nodes.volume_gib <= 170 ? 125 : 250 * ceil(var.nodes.volume_gib / 3000))
  }

  vpc_options {
    subnet_ids         = slice(var.subnet_ids, 0, var.nodes.zones)
    security_group_ids = [aws_security_group.this.id]
  }

  encrypt_at_rest {
    enabled    = true
    kms_key_id = var.kms_key_arn
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  advanced_security_options {
    enabled                        = true
    anonymous_auth_enabled         = false
    internal_user_database_enabled = true

    master_user_options {
      master_user_name     = var.master_user_name
      master_user_password = local.password
    }
  }

  dynamic "log_publishing_options" {
    for_each = aws_cloudwatch_log_group.this

    content {
      log_type                 = log_publishing_options.key
      cloudwatch_log_group_arn = log_publishing_options.value.arn
    }
  }

  auto_tune_options {
    desired_state       = local.burstable ? "DISABLED" : "ENABLED"
    rollback_on_disable = "NO_ROLLBACK"
  }

  software_update_options {
    auto_software_update_enabled = true
  }

  off_peak_window_options {
    enabled = true

    off_peak_window {
      window_start_time {
        hours   = 2
        minutes = 0
      }
    }
  }
}

locals {
  # In a VPC the security group decides who gets through to the domain, and its own users and roles what they may do
  # there; requests of internal users are not signed, so a narrower principal would keep the indexer out.
  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "InternalUsers"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = ["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPatch", "es:ESHttpPost", "es:ESHttpPut"]
      Resource  = "${local.domain_arn}/*"
    }]
  })
}

resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5: it is attached to the domain, which checkov does not count.
  name        = local.domain_name
  description = "OpenSearch: HTTPS from its clients"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = local.domain_name })
}

resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each                     = var.client_security_group_ids
  security_group_id            = aws_security_group.this.id
  description                  = "HTTPS of ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = each.value
}
