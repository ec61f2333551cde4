locals {
  has_tls = var.tls.certificate_arn != null || var.tls.domain_name != null
  # A name is published even where the certificate is given.
  makes_certificate = var.tls.certificate_arn == null && var.tls.domain_name != null
  port              = local.has_tls ? 443 : 80
  sources           = local.has_tls ? var.allowed_cidr_blocks : var.plain_http_cidr_blocks
}

resource "aws_security_group" "this" {
  name        = "${var.name}-ingest"
  description = "Load balancer of ingest-api"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-ingest" })
}

# What it may reach is added by the service behind it: its port, in its security group.
resource "aws_vpc_security_group_ingress_rule" "senders" {
  for_each = toset(local.sources)

  security_group_id = aws_security_group.this.id
  description       = local.has_tls ? "HTTPS" : "HTTP, for trials"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
  tags              = var.tags
}

resource "aws_lb" "this" {
  # checkov:skip=CKV_AWS_150: deletion protection is an option that is on but for trials, which are destroyed again.
  # checkov:skip=CKV2_AWS_76: the firewall is an option; AWSManagedRulesKnownBadInputsRuleSet is in it, by a dynamic block that checkov does not read.
  name               = "${var.name}-ingest"
  load_balancer_type = "application"
  internal           = false
  subnets            = var.subnet_ids
  security_groups    = [aws_security_group.this.id]

  idle_timeout               = var.idle_timeout_seconds
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = var.deletion_protection

  dynamic "access_logs" {
    for_each = aws_s3_bucket_policy.access_logs

    content {
      enabled = true
      bucket  = access_logs.value.bucket
      prefix  = local.access_log_prefix
    }
  }

  tags = var.tags
}

resource "aws_lb_target_group" "this" {
  # checkov:skip=CKV_AWS_378: TLS ends at the load balancer; behind it the task's security group lets in the load balancer alone.
  name                          = "${var.name}-ingest"
  vpc_id                        = var.vpc_id
  target_type                   = "ip"
  protocol                      = "HTTP"
  port                          = var.container_port
  load_balancing_algorithm_type = "least_outstanding_requests"
  # Requests take seconds at most; a task that drains answers 503 to its health check at once.
  deregistration_delay = 30

  # Readiness: a task that cannot reach Kinesis takes no requests.
  health_check {
    path                = "/readyz"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  tags = var.tags
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = local.port
  protocol          = local.has_tls ? "HTTPS" : "HTTP"
  ssl_policy        = local.has_tls ? var.tls.policy : null
  certificate_arn   = local.makes_certificate ? aws_acm_certificate_validation.this[0].certificate_arn : var.tls.certificate_arn

  dynamic "mutual_authentication" {
    for_each = aws_lb_trust_store.this

    content {
      mode            = "verify"
      trust_store_arn = mutual_authentication.value.arn
    }
  }

  default_action {
    type = "fixed-response"

    fixed_response {
      status_code  = "404"
      content_type = "application/json"
      message_body = jsonencode({ error = "not_found" })
    }
  }

  tags = var.tags
}

resource "aws_lb_listener_rule" "events" {
  listener_arn = aws_lb_listener.this.arn
  priority     = 10

  condition {
    path_pattern {
      values = var.paths
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  tags = var.tags
}
