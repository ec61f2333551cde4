"""What `make infra-test` does: proves the Terraform configuration without an AWS account.

Needs Terraform and its AWS provider alone: a mirror of the provider on this machine, or the registry.
"""
