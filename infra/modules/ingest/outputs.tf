output "url" {
  description = "Where senders send to."
  value = join("", [
    local.has_tls ? "https://" : "http://",
    coalesce(var.tls.domain_name, aws_lb.this.dns_name),
  ])
}

output "dns_name" {
  description = "The load balancer's own name, for a record elsewhere."
  value       = aws_lb.this.dns_name
}

output "load_balancer" {
  description = "What the service module takes: where its tasks join."
  value = {
    target_group_arn  = aws_lb_target_group.this.arn
    container_port    = var.container_port
    security_group_id = aws_security_group.this.id
  }

  # ECS refuses a target group that no listener has yet.
  depends_on = [aws_lb_listener_rule.events]
}

output "arn_suffix" {
  description = "The load balancer in CloudWatch's metrics."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "The target group in CloudWatch's metrics."
  value       = aws_lb_target_group.this.arn_suffix
}

output "security_group_id" {
  description = "The load balancer's security group."
  value       = aws_security_group.this.id
}

output "access_log_bucket" {
  description = "Bucket of the access logs; null where none are kept."
  value       = one(aws_s3_bucket.access_logs[*].id)
}

output "web_acl_arn" {
  description = "The web application firewall; null where there is none."
  value       = one(aws_wafv2_web_acl.this[*].arn)
}
