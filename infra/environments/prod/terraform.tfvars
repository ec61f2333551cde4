# terraform -chdir=infra apply -var-file=profiles/standard.tfvars -var-file=environments/prod/terraform.tfvars
# Set the account, the domain and its zone, the image's version, the senders' hashes, and who is told.
name        = "etl-prod"
environment = "prod"
account_id  = "123456789012"
region      = "us-east-1"

images   = { repository_prefix = "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl", tag = "0.1.0" }
endpoint = { domain_name = "ingest.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }

# printf %s KEY | sha256sum
senders = {
  web = { tenant = "shop", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
}

# Keys that change by themselves: each sender reads its own from the secret that the output sender_secrets names.
rotated_senders = { canary = { tenant = "canary", days = 30 } }

canary = { sender = "canary" }

contacts = {
  page   = ["on-call@example.com"]
  ticket = ["team@example.com"]
  alerts = ["fraud-desk@example.com"]
  budget = ["finance@example.com"]
}
