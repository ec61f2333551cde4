data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  service_name = "${var.name}-${var.service}"

  container = {
    name      = var.service
    image     = var.image
    essential = true

    # None of the services writes to its file system or needs a privilege.
    user                   = "10001:10001"
    readonlyRootFilesystem = !var.exec
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    ulimits                = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]

    stopTimeout = var.stop_timeout_seconds
    healthCheck = {
      command     = ["CMD", "python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:${var.probe.port}${var.probe.path}', timeout=2)"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = var.probe.start_period_seconds
    }

    portMappings = var.load_balancer == null ? [] : [{
      name          = "http"
      containerPort = var.load_balancer.container_port
      hostPort      = var.load_balancer.container_port
      protocol      = "tcp"
    }]
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html: rights are those of the image's VOLUME.
    mountPoints = var.scratch_path == null ? [] : [{ sourceVolume = "scratch", containerPath = var.scratch_path, readOnly = false }]
    environment = [for key, value in var.environment : { name = key, value = value }]
    secrets     = [for key, arn in var.secrets : { name = key, valueFrom = arn }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.this.name
        "awslogs-region"        = data.aws_region.current.name
        "awslogs-stream-prefix" = var.service
        # A slow CloudWatch must not stop a shard.
        "mode"            = "non-blocking"
        "max-buffer-size" = "4m"
      }
    }
  }

  capacity_providers = {
    for provider, part in {
      FARGATE      = { base = var.capacity.on_demand_base, weight = var.capacity.on_demand_weight }
      FARGATE_SPOT = { base = 0, weight = var.capacity.spot_weight }
    } : provider => part if part.base + part.weight > 0
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}/${var.service}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.service_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = jsonencode([local.container])
  # Earlier revisions stay, or there would be nothing to roll back to.
  skip_destroy = true

  dynamic "volume" {
    for_each = var.scratch_path == null ? [] : [var.scratch_path]

    content {
      name = "scratch"
    }
  }

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  tags = var.tags
}

resource "aws_ecs_service" "this" {
  name             = local.service_name
  cluster          = var.cluster.arn
  task_definition  = aws_ecs_task_definition.this.arn
  desired_count    = var.desired_count
  platform_version = "LATEST"

  deployment_minimum_healthy_percent = var.deployment.minimum_healthy_percent
  deployment_maximum_percent         = var.deployment.maximum_percent
  availability_zone_rebalancing      = var.deployment.zone_rebalancing ? "ENABLED" : "DISABLED"
  health_check_grace_period_seconds  = var.load_balancer == null ? null : var.deployment.grace_period_seconds
  wait_for_steady_state              = var.deployment.wait_for_steady_state
  enable_execute_command             = var.exec
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  # Without it a change of the capacity would replace the service.
  force_new_deployment = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "alarms" {
    for_each = length(var.deployment.alarm_names) > 0 ? [var.deployment.alarm_names] : []

    content {
      enable      = true
      rollback    = true
      alarm_names = alarms.value
    }
  }

  dynamic "capacity_provider_strategy" {
    for_each = local.capacity_providers

    content {
      capacity_provider = capacity_provider_strategy.key
      base              = capacity_provider_strategy.value.base
      weight            = capacity_provider_strategy.value.weight
    }
  }

  network_configuration {
    subnets          = var.network.subnet_ids
    security_groups  = concat([aws_security_group.this.id], var.network.security_group_ids)
    assign_public_ip = var.network.assign_public_ip
  }

  dynamic "load_balancer" {
    for_each = var.load_balancer == null ? [] : [var.load_balancer]

    content {
      target_group_arn = load_balancer.value.target_group_arn
      container_name   = var.service
      container_port   = load_balancer.value.container_port
    }
  }

  tags = var.tags

  lifecycle {
    # Autoscaling's from the first minute on.
    ignore_changes = [desired_count]
  }

  # A task that starts before it may read its secrets or streams fails, and the circuit breaker counts that.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}
