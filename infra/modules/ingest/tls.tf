resource "aws_acm_certificate" "this" {
  count = local.makes_certificate ? 1 : 0

  domain_name       = var.tls.domain_name
  validation_method = "DNS"
  tags              = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# One name has one record; its form is known only once the certificate is there.
resource "aws_route53_record" "validation" {
  count = local.makes_certificate ? 1 : 0

  zone_id         = var.tls.zone_id
  name            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.this[0].domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  count = local.makes_certificate ? 1 : 0

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = [aws_route53_record.validation[0].fqdn]
}

resource "aws_route53_record" "this" {
  count = var.tls.domain_name == null ? 0 : 1

  zone_id = var.tls.zone_id
  name    = var.tls.domain_name
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}

resource "aws_lb_trust_store" "this" {
  count = var.mtls == null ? 0 : 1

  name                                     = "${var.name}-ingest"
  ca_certificates_bundle_s3_bucket         = var.mtls.ca_bundle_bucket
  ca_certificates_bundle_s3_key            = var.mtls.ca_bundle_key
  ca_certificates_bundle_s3_object_version = var.mtls.ca_bundle_object_version
  tags                                     = var.tags
}
