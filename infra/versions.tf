terraform {
  # 1.9: a variable's validation may refer to other variables. Locking the state in S3 alone needs 1.10.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6"
    }
  }

  # Where, each environment says: terraform init -backend-config=environments/dev/backend.hcl
  backend "s3" {}
}

provider "aws" {
  region = var.region
  # A plan with another account's credentials is refused before it has read anything.
  allowed_account_ids = var.account_id == null ? null : [var.account_id]
}

provider "aws" {
  alias               = "replica"
  region              = coalesce(var.replica_region, var.region)
  allowed_account_ids = var.account_id == null ? null : [var.account_id]
}
