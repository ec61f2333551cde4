output "repository_urls" {
  description = "Where images are pushed, by service."
  value       = { for service, repository in aws_ecr_repository.this : service => repository.repository_url }
}

output "repository_arns" {
  description = "Repositories by service."
  value       = { for service, repository in aws_ecr_repository.this : service => repository.arn }
}
