# terraform -chdir=infra init -backend-config=environments/prod/backend.hcl
# Set the account's number, as environments/bootstrap's output state_bucket says.
bucket       = "etl-terraform-state-123456789012"
key          = "prod/terraform.tfstate"
region       = "us-east-1"
encrypt      = true
use_lockfile = true
