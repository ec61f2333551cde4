resource "aws_cloudwatch_log_group" "exec" {
  count = var.exec_log_retention_days > 0 ? 1 : 0

  name              = "/${var.name}/exec"
  retention_in_days = var.exec_log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_ecs_cluster" "this" {
  # checkov:skip=CKV_AWS_65: Container Insights is an option, since each task's metrics are billed; the services publish their own.
  # checkov:skip=CKV_AWS_224: logs of ECS Exec are kept and encrypted wherever exec is switched on; without it there is no session to log.
  name = var.name

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }

  dynamic "configuration" {
    for_each = aws_cloudwatch_log_group.exec

    content {
      execute_command_configuration {
        kms_key_id = var.kms_key_arn
        logging    = "OVERRIDE"

        log_configuration {
          cloud_watch_log_group_name     = configuration.value.name
          cloud_watch_encryption_enabled = var.kms_key_arn != null
        }
      }
    }
  }

  tags = var.tags
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}
