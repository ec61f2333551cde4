# The first user's password. Secrets Manager makes it; it also stands in the state, which is why that is encrypted.
# Whoever changes the secret changes the domain's password with the next apply.

resource "aws_secretsmanager_secret" "this" {
  # checkov:skip=CKV2_AWS_57: a rotation function would need a user of its own in the domain; docs/security.md says how to rotate.
  # checkov:skip=CKV_AWS_149: without a key of one's own AWS's key encrypts, which costs nothing.
  name                    = "${local.domain_name}-user"
  description             = "User and password of OpenSearch: OPENSEARCH_USER and OPENSEARCH_PASSWORD of the indexer and the console."
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.deletion_protection ? 30 : 0
  tags                    = var.tags
}

data "aws_secretsmanager_random_password" "this" {
  # Read only when the secret is made, so that a first plan asks nothing of AWS.
  depends_on                 = [aws_secretsmanager_secret.this]
  password_length            = 32
  require_each_included_type = true
  # What shells, URLs and JSON would have to escape.
  exclude_characters = "\"'`\\/@:%&+#$ "
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id     = aws_secretsmanager_secret.this.id
  secret_string = jsonencode({ username = var.master_user_name, password = data.aws_secretsmanager_random_password.this.random_password })

  lifecycle {
    # Every plan would bring another password.
    ignore_changes = [secret_string]
  }
}

locals {
  password = jsondecode(aws_secretsmanager_secret_version.this.secret_string).password
}
