# Redshift Serverless, reached from nowhere but the VPC. Loading runs through the Data API, which needs no network path.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  warehouse_name = "${var.name}-warehouse"
}

resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5: it is attached to the workgroup, which checkov does not count.
  name        = local.warehouse_name
  description = "Redshift: SQL from its clients, S3 by TLS"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = local.warehouse_name })
}

resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each                     = var.client_security_group_ids
  security_group_id            = aws_security_group.this.id
  description                  = "SQL of ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 5439
  to_port                      = 5439
  referenced_security_group_id = each.value
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.this.id
  description       = "S3 through the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  # The addresses of S3's gateway endpoint are not known to a security group without its prefix list.
  cidr_ipv4 = "0.0.0.0/0"
}

resource "aws_redshiftserverless_namespace" "this" {
  # checkov:skip=CKV_AWS_412: without a key of one's own AWS's key encrypts, which costs nothing.
  namespace_name                   = local.warehouse_name
  db_name                          = var.database
  admin_username                   = "etl_admin"
  manage_admin_password            = true
  admin_password_secret_kms_key_id = var.kms_key_arn
  kms_key_id                       = var.kms_key_arn
  iam_roles                        = [aws_iam_role.copy.arn]
  log_exports                      = ["connectionlog", "useractivitylog", "userlog"]
  tags                             = var.tags
}

resource "aws_redshiftserverless_workgroup" "this" {
  workgroup_name       = local.warehouse_name
  namespace_name       = aws_redshiftserverless_namespace.this.namespace_name
  base_capacity        = var.capacity.base
  max_capacity         = var.capacity.max
  subnet_ids           = var.subnet_ids
  security_group_ids   = [aws_security_group.this.id]
  publicly_accessible  = false
  enhanced_vpc_routing = true
  tags                 = var.tags

  dynamic "config_parameter" {
    # All that there are: what is left out, AWS fills in, and a plan would want to take away.
    for_each = {
      auto_mv                          = "true"
      datestyle                        = "ISO, MDY"
      enable_case_sensitive_identifier = "false"
      enable_user_activity_logging     = "true"
      max_query_execution_time         = tostring(var.query_limit_seconds)
      query_group                      = "default"
      require_ssl                      = "true"
      search_path                      = "$user, public"
      use_fips_ssl                     = "false"
    }

    content {
      parameter_key   = config_parameter.key
      parameter_value = config_parameter.value
    }
  }
}

resource "aws_redshiftserverless_usage_limit" "this" {
  for_each      = { for period, hours in { daily = var.capacity.daily_rpu_hours, monthly = var.capacity.monthly_rpu_hours } : period => hours if hours != null }
  resource_arn  = aws_redshiftserverless_workgroup.this.arn
  usage_type    = "serverless-compute"
  period        = each.key
  amount        = each.value
  breach_action = "deactivate"
}
