mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  account_id = "123456789012"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  tls        = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555" }
}

run "https_with_a_given_certificate" {
  command = apply

  assert {
    condition     = aws_lb_listener.this.port == 443 && aws_lb_listener.this.protocol == "HTTPS" && startswith(aws_lb_listener.this.ssl_policy, "ELBSecurityPolicy-TLS13-1-2")
    error_message = "Senders connect by TLS 1.2 or later."
  }
  assert {
    condition     = aws_lb_listener.this.default_action[0].type == "fixed-response" && aws_lb_listener.this.default_action[0].fixed_response[0].status_code == "404"
    error_message = "What is no path of the API ends at the load balancer: probes and metrics are not for strangers."
  }
  assert {
    condition     = one(one(aws_lb_listener_rule.events.condition).path_pattern).values == toset(["/v1/*"])
    error_message = "Only the API's paths go through."
  }
  assert {
    condition     = aws_lb_target_group.this.health_check[0].path == "/readyz" && aws_lb_target_group.this.port == 8080 && aws_lb_target_group.this.target_type == "ip"
    error_message = "A task takes requests once it is ready."
  }
  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.desync_mitigation_mode == "strictest" && aws_lb.this.enable_deletion_protection
    error_message = "Malformed requests end here, and the address is not lost by mistake."
  }
  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.senders) == ["0.0.0.0/0"] && aws_vpc_security_group_ingress_rule.senders["0.0.0.0/0"].to_port == 443
    error_message = "Port 443 alone is open, and none for plain HTTP."
  }
  assert {
    condition     = aws_lb.this.access_logs[0].enabled && aws_lb.this.access_logs[0].prefix == "alb"
    error_message = "Requests are logged."
  }
  assert {
    condition = (
      aws_s3_bucket.access_logs[0].bucket == "etl-test-access-logs-123456789012" &&
      aws_s3_bucket_public_access_block.access_logs[0].restrict_public_buckets &&
      jsondecode(aws_s3_bucket_policy.access_logs[0].policy).Statement[0].Principal.Service == "logdelivery.elasticloadbalancing.amazonaws.com" &&
      endswith(jsondecode(aws_s3_bucket_policy.access_logs[0].policy).Statement[0].Resource, "/alb/AWSLogs/123456789012/*") &&
      jsondecode(aws_s3_bucket_policy.access_logs[0].policy).Statement[1].Effect == "Deny"
    )
    error_message = "Load balancers of this account write the logs, by encrypted connections, and nobody else."
  }
  assert {
    condition     = length(aws_acm_certificate.this) == 0 && length(aws_route53_record.this) == 0 && length(aws_wafv2_web_acl.this) == 0 && length(aws_lb_trust_store.this) == 0
    error_message = "Nothing is made that was not asked for."
  }
  assert {
    condition     = output.url == "https://mocked.us-east-1.elb.amazonaws.com"
    error_message = "The URL is the load balancer's."
  }
}

run "own_domain" {
  command = apply

  variables {
    tls = { domain_name = "ingest.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
  }

  assert {
    condition     = length(aws_acm_certificate.this) == 1 && aws_route53_record.validation[0].type == "CNAME" && aws_lb_listener.this.certificate_arn == aws_acm_certificate_validation.this[0].certificate_arn
    error_message = "The certificate is made, and used once it is proven."
  }
  assert {
    condition     = output.url == "https://ingest.example.com" && aws_route53_record.this[0].type == "A"
    error_message = "The domain points at the load balancer."
  }
}

run "trial_without_tls" {
  command = apply

  variables {
    tls                    = {}
    plain_http_cidr_blocks = ["203.0.113.7/32"]
    access_logs            = { enabled = false }
  }

  assert {
    condition     = aws_lb_listener.this.port == 80 && keys(aws_vpc_security_group_ingress_rule.senders) == ["203.0.113.7/32"]
    error_message = "Plain HTTP is for the named addresses alone."
  }
  assert {
    condition     = length(aws_s3_bucket.access_logs) == 0 && length(aws_lb.this.access_logs) == 0
    error_message = "No access logs, no bucket."
  }
}

run "firewall_and_client_certificates" {
  command = apply

  variables {
    waf  = { enabled = true, requests_per_minute = 1200 }
    mtls = { ca_bundle_bucket = "etl-test-trust", ca_bundle_key = "ca.pem" }
  }

  assert {
    condition     = one(aws_lb_listener.this.mutual_authentication).mode == "verify"
    error_message = "A sender without a certificate is turned away."
  }
  assert {
    condition     = length(aws_wafv2_web_acl.this[0].rule) == 4 && length(aws_wafv2_web_acl_association.this) == 1
    error_message = "The limit and three sets of managed rules stand before the load balancer."
  }
  assert {
    condition = toset(flatten([
      for rule in aws_wafv2_web_acl.this[0].rule : [
        for statement in rule.statement[0].managed_rule_group_statement : [for override in statement.rule_action_override : override.name]
      ]
      ])) == toset([
      "JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY", "CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY",
      "GenericRFI_BODY", "SizeRestrictions_BODY", "NoUserAgent_HEADER",
    ])
    error_message = "Rules on bodies only count: an event may hold anything."
  }
  assert {
    condition     = toset([for field in aws_wafv2_web_acl_logging_configuration.this[0].redacted_fields : field.single_header[0].name]) == toset(["authorization", "x-api-key"])
    error_message = "Keys are not in the firewall's log."
  }
  assert {
    condition     = startswith(aws_cloudwatch_log_group.waf[0].name, "aws-waf-logs-")
    error_message = "WAF writes to groups of this name alone."
  }
}

run "refuses_neither_tls_nor_plain" {
  command = plan
  variables {
    tls = {}
  }
  expect_failures = [var.plain_http_cidr_blocks]
}

run "refuses_plain_http_for_the_internet" {
  command = plan
  variables {
    tls                    = {}
    plain_http_cidr_blocks = ["0.0.0.0/0"]
  }
  expect_failures = [var.plain_http_cidr_blocks]
}

run "refuses_client_certificates_without_tls" {
  command = plan
  variables {
    tls                    = {}
    plain_http_cidr_blocks = ["203.0.113.7/32"]
    mtls                   = { ca_bundle_bucket = "etl-test-trust", ca_bundle_key = "ca.pem" }
  }
  expect_failures = [var.mtls]
}

run "refuses_old_tls" {
  command = plan
  variables {
    tls = {
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
      policy          = "ELBSecurityPolicy-2016-08"
    }
  }
  expect_failures = [var.tls]
}

run "refuses_to_publish_metrics" {
  command = plan
  variables {
    paths = ["/v1/*", "/metrics"]
  }
  expect_failures = [var.paths]
}

run "refuses_one_subnet" {
  command = plan
  variables {
    subnet_ids = ["subnet-0123456789abcdef0"]
  }
  expect_failures = [var.subnet_ids]
}
