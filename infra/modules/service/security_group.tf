# Nothing connects to a task but the load balancer, where there is one; a task connects by HTTPS alone.
resource "aws_security_group" "this" {
  name        = local.service_name
  description = "Tasks of ${local.service_name}"
  vpc_id      = var.network.vpc_id
  tags        = merge(var.tags, { Name = local.service_name })

  # Its name cannot be used twice, and tasks hold on to it until they have drained.
  timeouts {
    delete = "15m"
  }
}

resource "aws_vpc_security_group_egress_rule" "addresses" {
  for_each = toset(var.network.cidr_blocks)

  security_group_id = aws_security_group.this.id
  description       = "HTTPS to AWS"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "prefix_lists" {
  for_each = var.network.prefix_list_ids

  security_group_id = aws_security_group.this.id
  description       = "HTTPS to ${each.key} by its gateway endpoint"
  prefix_list_id    = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  count = var.load_balancer == null ? 0 : 1

  security_group_id            = aws_security_group.this.id
  description                  = "From the load balancer"
  referenced_security_group_id = var.load_balancer.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.load_balancer.container_port
  to_port                      = var.load_balancer.container_port
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  count = var.load_balancer == null ? 0 : 1

  security_group_id            = var.load_balancer.security_group_id
  description                  = "To ${local.service_name}"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = var.load_balancer.container_port
  to_port                      = var.load_balancer.container_port
  tags                         = var.tags
}
