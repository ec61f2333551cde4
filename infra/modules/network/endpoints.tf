locals {
  own_principals = {
    Sid       = "OwnAccount"
    Effect    = "Allow"
    Principal = "*"
    Action    = "*"
    Resource  = "*"
    Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id } }
  }

  # Image layers come from Amazon's own bucket, by addresses that ECR signs: the principal is not of this account.
  # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
  image_layers = {
    Sid       = "ImageLayers"
    Effect    = "Allow"
    Principal = "*"
    Action    = "s3:GetObject"
    Resource  = "arn:${data.aws_partition.current.partition}:s3:::prod-${data.aws_region.current.name}-starport-layer-bucket/*"
  }

  gateway_policies = {
    s3       = jsonencode({ Version = "2012-10-17", Statement = [local.own_principals, local.image_layers] })
    dynamodb = jsonencode({ Version = "2012-10-17", Statement = [local.own_principals] })
  }
  interface_policy = jsonencode({ Version = "2012-10-17", Statement = [local.own_principals] })
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateway_policies

  vpc_id            = aws_vpc.this.id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  route_table_ids   = concat([aws_route_table.public.id], [for table in aws_route_table.private : table.id])
  policy            = each.value
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_security_group" "endpoints" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "Interface endpoints: HTTPS from the VPC, nothing out"
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  security_group_id = aws_security_group.endpoints[0].id
  description       = "HTTPS from the VPC"
  cidr_ipv4         = var.cidr_block
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  policy              = local.interface_policy
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
}
