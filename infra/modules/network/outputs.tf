output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "vpc_cidr_block" {
  description = "Its addresses."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "Subnets of the load balancer, one a zone."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id]
}

output "task_subnet_ids" {
  description = "Subnets of tasks and domains: private ones, or the public ones where there are no private ones."
  value       = [for zone in var.availability_zones : var.private ? aws_subnet.private[zone].id : aws_subnet.public[zone].id]
}

output "assign_public_ip" {
  description = "Whether a task needs a public address to reach AWS."
  value       = !var.private
}

output "egress" {
  description = "Where tasks may connect to by HTTPS: the whole internet where AWS is reached by public addresses, else the VPC and the gateway endpoints' prefix lists."
  value = {
    cidr_blocks     = var.private && var.nat == "none" ? [var.cidr_block] : ["0.0.0.0/0"]
    prefix_list_ids = { for service, endpoint in aws_vpc_endpoint.gateway : service => endpoint.prefix_list_id }
  }
}

output "interface_endpoints" {
  description = "Interface endpoints by the service that is reached by them."
  value       = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.id }
}

output "nat_public_ips" {
  description = "Public addresses that outgoing traffic shows, for others' allow lists."
  value       = [for address in aws_eip.nat : address.public_ip]
}
