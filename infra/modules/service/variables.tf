variable "name" {
  type        = string
  description = "Prefix of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and dashes, a letter first: shorten it or replace other characters."
  }
}

variable "service" {
  type        = string
  description = "Which service it is, such as enricher: the second part of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.service))
    error_message = "service must be 2 to 24 lower-case letters, digits and dashes, a letter first: names of roles and load balancers would become too long."
  }
}

variable "account_id" {
  type        = string
  description = "AWS account; only its tasks may take the roles."
}

variable "cluster" {
  type = object({
    arn  = string
    name = string
  })
  description = "ECS cluster with the capacity providers FARGATE and FARGATE_SPOT."
}

variable "image" {
  type        = string
  description = "Image with a tag or digest, such as 123456789012.dkr.ecr.us-east-1.amazonaws.com/etl-enricher:1.4.0."

  validation {
    condition     = can(regex("(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image must end in a tag other than latest, or in a digest: what latest means changes, and a rollback would start something else."
  }
}

variable "repository_arn" {
  type        = string
  default     = null
  description = "ECR repository of the image, which may then be pulled; null for an image that is public."
}

variable "architecture" {
  type        = string
  default     = "ARM64"
  description = "Processor of the image: ARM64 costs a fifth less than X86_64."

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "architecture must be ARM64 or X86_64, as the image was built."
  }
}

variable "cpu" {
  type        = number
  default     = 256
  description = "CPU units of a task; 1024 are one virtual CPU."

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "cpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384: Fargate has no other sizes."
  }
}

variable "memory" {
  type        = number
  default     = 512
  description = "Memory of a task in MiB."

  validation {
    condition = lookup({
      "256"   = contains([512, 1024, 2048], var.memory)
      "512"   = contains([1024, 2048, 3072, 4096], var.memory)
      "1024"  = var.memory >= 2048 && var.memory <= 8192 && var.memory % 1024 == 0
      "2048"  = var.memory >= 4096 && var.memory <= 16384 && var.memory % 1024 == 0
      "4096"  = var.memory >= 8192 && var.memory <= 30720 && var.memory % 1024 == 0
      "8192"  = var.memory >= 16384 && var.memory <= 61440 && var.memory % 4096 == 0
      "16384" = var.memory >= 32768 && var.memory <= 122880 && var.memory % 8192 == 0
    }, tostring(var.cpu), false)
    error_message = "memory does not go with cpu: Fargate has 512–2048 MiB with 256, 1024–4096 with 512, 2048–8192 with 1024, 4096–16384 with 2048, 8192–30720 with 4096, in whole GiB: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"
  }
}

variable "environment" {
  type        = map(string)
  default     = {}
  description = "Environment variables of the task, no secrets."

  validation {
    condition     = alltrue([for key, value in var.environment : !can(regex("(PASSWORD|SECRET|API_KEYS|TOKEN)$", key)) || value == ""])
    error_message = "environment is readable by all who may describe the task: put passwords, secrets and keys into secrets."
  }
}

variable "secrets" {
  type        = map(string)
  default     = {}
  description = "Environment variables from Secrets Manager: name to ARN of the secret, or ARN:key:: for one key of a JSON secret."

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:", arn))])
    error_message = "secrets must be ARNs of Secrets Manager, such as arn:aws:secretsmanager:us-east-1:123456789012:secret:etl-ingest-keys-AbCdEf."
  }

  validation {
    condition     = length(setintersection(keys(var.secrets), keys(var.environment))) == 0
    error_message = "A variable is in environment and in secrets: ECS takes it once."
  }
}

variable "secrets_kms_key_arns" {
  type        = list(string)
  default     = []
  description = "Keys that encrypt those secrets; none where Secrets Manager's own does."
}

variable "network" {
  type = object({
    vpc_id             = string
    subnet_ids         = list(string)
    assign_public_ip   = bool
    cidr_blocks        = list(string)
    prefix_list_ids    = map(string)
    security_group_ids = optional(list(string), [])
  })
  description = "Where tasks run, and where they may connect to by HTTPS: cidr_blocks and prefix lists, as the network module's egress says. security_group_ids are given beside the service's own."
}

variable "load_balancer" {
  type = object({
    target_group_arn  = string
    container_port    = number
    security_group_id = string
  })
  default     = null
  description = "Load balancer in front: the target group that tasks join, the port that they serve, and the balancer's security group, which alone reaches that port. Null for none: then nothing can connect to a task."
}

variable "probe" {
  type = object({
    port                 = optional(number, 9090)
    path                 = optional(string, "/livez")
    start_period_seconds = optional(number, 60)
  })
  default     = {}
  description = "What ECS asks inside the container. Liveness, not readiness: a task that waits for OpenSearch must not be replaced."
}

variable "capacity" {
  type = object({
    on_demand_base   = optional(number, 0)
    on_demand_weight = optional(number, 0)
    spot_weight      = optional(number, 1)
  })
  default     = {}
  description = "Tasks on demand: the first on_demand_base, and of the others on_demand_weight to spot_weight. Spot costs about 70 % less, and ends a task with two minutes' notice, in which it hands its shards over."

  validation {
    condition     = var.capacity.on_demand_weight + var.capacity.spot_weight > 0 || var.capacity.on_demand_base > 0
    error_message = "capacity gives no task a place: set spot_weight, on_demand_weight or on_demand_base above 0."
  }

  validation {
    condition     = min(var.capacity.on_demand_base, var.capacity.on_demand_weight, var.capacity.spot_weight) >= 0
    error_message = "capacity must have no negative number."
  }
}

variable "desired_count" {
  type        = number
  default     = 1
  description = "Tasks at the start; autoscaling changes it afterwards."

  validation {
    condition     = var.desired_count >= 0 && floor(var.desired_count) == var.desired_count
    error_message = "desired_count must be a whole number from 0."
  }
}

variable "deployment" {
  type = object({
    minimum_healthy_percent = optional(number, 100)
    maximum_percent         = optional(number, 200)
    zone_rebalancing        = optional(bool, true)
    alarm_names             = optional(list(string), [])
    wait_for_steady_state   = optional(bool, false)
    grace_period_seconds    = optional(number, 60)
  })
  default     = {}
  description = "Rolling deployment: how many tasks of the desired ones run meanwhile, at least and at most, whether tasks move to zones that have too few, which alarms roll it back, whether apply waits for its end, and how long the load balancer's judgement of a new task does not count. A deployment whose tasks do not become healthy is rolled back in any case."

  validation {
    condition     = var.deployment.maximum_percent > 100 || !var.deployment.zone_rebalancing
    error_message = "deployment.zone_rebalancing needs maximum_percent above 100, or it could start nothing before it stops something."
  }

  validation {
    condition     = var.deployment.minimum_healthy_percent < 100 || var.deployment.maximum_percent > 100
    error_message = "deployment can neither start nor stop a task: set maximum_percent above 100, or minimum_healthy_percent below."
  }
}

variable "stop_timeout_seconds" {
  type        = number
  default     = 120
  description = "Time between SIGTERM and SIGKILL. The service's *_DRAIN_SECONDS must be less."

  validation {
    condition     = var.stop_timeout_seconds >= 30 && var.stop_timeout_seconds <= 120
    error_message = "stop_timeout_seconds must be from 30 to 120: Fargate takes no more, and a drain needs some."
  }
}

variable "scratch_path" {
  type        = string
  default     = null
  description = "Folder that the service may write to, on the task's own disk, gone with the task; null for none. The image must have it as a VOLUME that its user may write to."

  validation {
    condition     = var.scratch_path == null || can(regex("^/[a-z][a-z0-9/_-]*$", var.scratch_path))
    error_message = "scratch_path must be an absolute path, such as /scratch."
  }
}

variable "exec" {
  type        = bool
  default     = false
  description = "Let who may call ecs:ExecuteCommand into the container; its root file system is then writable, since the agent writes there."
}

variable "exec_audit" {
  type = object({
    log_group_arn = string
    encrypted     = optional(bool, false)
    kms_key_arn   = optional(string)
  })
  default     = null
  description = "Where the cluster keeps what is typed in sessions, and whether by a key of one's own: the agent writes and decrypts it as the task. Null where the cluster keeps nothing."

  validation {
    condition     = !try(var.exec_audit.encrypted, false) || try(var.exec_audit.kms_key_arn, "") != null
    error_message = "exec_audit.encrypted needs kms_key_arn: without the right to decrypt no session opens."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 14
  description = "Days that logs are kept in CloudWatch."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a retention of CloudWatch Logs: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, …"
  }
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "Key of the log group; null leaves CloudWatch's own encryption."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of every resource."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Policy that bounds what the roles made here may ever do; null for none. environments/bootstrap makes one."
}
