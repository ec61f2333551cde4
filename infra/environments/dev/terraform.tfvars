# terraform -chdir=infra apply -var-file=profiles/minimal.tfvars -var-file=environments/dev/terraform.tfvars
# Set the account, the image's version, who may connect, and a key's hash of your own.
name        = "etl-dev"
environment = "dev"
account_id  = "123456789012"
region      = "us-east-1"

images = { repository_prefix = "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl", tag = "0.1.0" }

# Without a domain: your own address alone, unencrypted. 203.0.113.7 is an example.
endpoint = { plain_http_cidr_blocks = ["203.0.113.7/32"] }

# printf %s YOUR-KEY | sha256sum
senders = { laptop = { tenant = "default", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" } }

# A trial may be destroyed with what it holds.
retention = { log_days = 7, deletion_protection = false }
