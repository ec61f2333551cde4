mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  service    = "enricher"
  account_id = "123456789012"
  cluster    = { arn = "arn:aws:ecs:us-east-1:123456789012:cluster/etl-test", name = "etl-test" }
  image      = "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl-test-enricher:1.0.0"
  network = {
    vpc_id           = "vpc-0123456789abcdef0"
    subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    assign_public_ip = false
    cidr_blocks      = ["10.20.0.0/16"]
    prefix_list_ids  = { s3 = "pl-0123456789abcdef0", dynamodb = "pl-0123456789abcdef1" }
  }
  environment = { ENRICHER_RAW_STREAM = "etl-test-raw" }
  access = {
    read_streams     = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw"]
    read_consumers   = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw/consumer/enricher:1700000000"]
    write_streams    = ["arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched"]
    delivery_streams = ["arn:aws:firehose:us-east-1:123456789012:deliverystream/etl-test-enriched"]
    lease_tables     = ["arn:aws:dynamodb:us-east-1:123456789012:table/etl-test-enricher-leases"]
    objects          = [{ bucket_arn = "arn:aws:s3:::etl-test-archive", prefix = "dead-letters/", put = true }]
    keys             = [{ arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555", via = ["kinesis"], encrypt = true, decrypt = true }]
  }
}

run "a_worker" {
  command = apply

  assert {
    condition     = aws_ecs_service.this.name == "etl-test-enricher" && aws_ecs_task_definition.this.family == "etl-test-enricher"
    error_message = "Names are the prefix and the service."
  }
  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "A deployment that does not become healthy is rolled back."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 120
    error_message = "A task has two minutes to hand its shards over."
  }
  assert {
    condition     = one(aws_ecs_task_definition.this.runtime_platform).cpu_architecture == "ARM64"
    error_message = "ARM is the default."
  }
  assert {
    condition     = { for part in aws_ecs_service.this.capacity_provider_strategy : part.capacity_provider => part.weight } == { FARGATE_SPOT = 1 }
    error_message = "Spot is the default."
  }
  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem &&
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "10001:10001" &&
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"]
    )
    error_message = "The container runs without privileges on a file system that it cannot change."
  }
  assert {
    condition     = strcontains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck.command[3], "http://127.0.0.1:9090/livez")
    error_message = "ECS asks the probe for liveness."
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.load_balancer) == 0
    error_message = "Nothing can connect to a worker."
  }
  assert {
    condition     = length(aws_vpc_security_group_egress_rule.addresses) == 1 && toset(keys(aws_vpc_security_group_egress_rule.prefix_lists)) == toset(["dynamodb", "s3"]) && aws_vpc_security_group_egress_rule.addresses["10.20.0.0/16"].to_port == 443
    error_message = "It connects by HTTPS, to the VPC and the gateway endpoints alone."
  }
  assert {
    condition     = aws_iam_role.task.name != aws_iam_role.execution.name
    error_message = "What the service may do and what ECS does to start it are apart."
  }
  assert {
    condition     = jsondecode(aws_iam_role.task.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "Only this account's tasks take the role."
  }
}

run "exact_actions" {
  command = apply

  assert {
    condition = sort(flatten([for statement in jsondecode(output.task_policy).Statement : statement.Action])) == tolist(sort([
      "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards",
      "kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard", "kinesis:PutRecords",
      "firehose:PutRecordBatch", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan",
      "dynamodb:UpdateItem", "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey",
    ]))
    error_message = "The role has the actions that its access stands for, and no other."
  }
  assert {
    condition     = alltrue([for action in flatten([for statement in jsondecode(output.task_policy).Statement : statement.Action]) : !strcontains(action, "*")])
    error_message = "No action is a pattern."
  }
  assert {
    condition     = alltrue([for resource in flatten([for statement in jsondecode(output.task_policy).Statement : statement.Resource]) : resource != "*"])
    error_message = "No statement is for every resource."
  }
  assert {
    condition = one([for statement in jsondecode(output.task_policy).Statement : statement.Resource if statement.Sid == "WriteStreams"]) == [
      "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-enriched"
    ]
    error_message = "What is read cannot be written."
  }
  assert {
    condition     = one([for statement in jsondecode(output.task_policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "Keys0"]) == ["kinesis.us-east-1.amazonaws.com"]
    error_message = "The key is used through Kinesis alone."
  }
  assert {
    condition     = one([for statement in jsondecode(output.task_policy).Statement : statement.Resource if statement.Sid == "PutObjects"]) == ["arn:aws:s3:::etl-test-archive/dead-letters/*"]
    error_message = "Objects are put under their prefix alone."
  }
  assert {
    condition     = !strcontains(output.execution_policy, "ecr:") && !strcontains(output.execution_policy, "secretsmanager:")
    error_message = "ECS reads neither registry nor secrets where there are none."
  }
}

run "state_objects_are_listed_by_prefix" {
  command = apply

  variables {
    service = "aggregator"
    access = {
      state_tables = ["arn:aws:dynamodb:us-east-1:123456789012:table/etl-test-aggregator-state"]
      objects      = [{ bucket_arn = "arn:aws:s3:::etl-test-state", prefix = "aggregator/", get = true, put = true, delete = true, list = true }]
    }
  }

  assert {
    condition     = one([for statement in jsondecode(output.task_policy).Statement : statement.Condition.StringLike["s3:prefix"] if statement.Sid == "ListObjects0"]) == "aggregator/*"
    error_message = "A bucket is listed under the prefix alone."
  }
  assert {
    condition     = one([for statement in jsondecode(output.task_policy).Statement : statement.Action if statement.Sid == "State"]) == ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
    error_message = "The state's table is not scanned."
  }
}

run "nothing_asked_nothing_allowed" {
  command = apply

  variables {
    access       = {}
    scratch_path = "/scratch"
  }

  assert {
    condition = (
      one(aws_ecs_task_definition.this.volume).name == "scratch" &&
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints == [{ sourceVolume = "scratch", containerPath = "/scratch", readOnly = false }] &&
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    )
    error_message = "The scratch folder alone can be written to."
  }

  assert {
    condition     = length(aws_iam_role_policy.task) == 0
    error_message = "Without access the role may do nothing."
  }
}

run "behind_a_load_balancer" {
  command = apply

  variables {
    service        = "ingest-api"
    repository_arn = "arn:aws:ecr:us-east-1:123456789012:repository/etl-test-ingest-api"
    secrets = {
      INGEST_API_KEYS = "arn:aws:secretsmanager:us-east-1:123456789012:secret:etl-test-ingest-keys-AbCdEf:keys::"
    }
    secrets_kms_key_arns = ["arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"]
    capacity             = { on_demand_base = 2, on_demand_weight = 1, spot_weight = 3 }
    load_balancer = {
      target_group_arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/etl-test/0123456789abcdef"
      container_port    = 8080
      security_group_id = "sg-0fedcba9876543210"
    }
    deployment = { alarm_names = ["etl-test-ingest-5xx"] }
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer[0].referenced_security_group_id == "sg-0fedcba9876543210" && aws_vpc_security_group_ingress_rule.load_balancer[0].to_port == 8080
    error_message = "The load balancer alone reaches the port."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.load_balancer[0].security_group_id == "sg-0fedcba9876543210" && aws_vpc_security_group_egress_rule.load_balancer[0].from_port == 8080
    error_message = "The load balancer reaches nothing but the tasks' port."
  }
  assert {
    condition     = { for part in aws_ecs_service.this.capacity_provider_strategy : part.capacity_provider => "${part.base} ${part.weight}" } == { FARGATE = "2 1", FARGATE_SPOT = "0 3" }
    error_message = "Two tasks on demand, of the others one in four."
  }
  assert {
    condition     = one([for statement in jsondecode(output.execution_policy).Statement : statement.Resource if statement.Sid == "ReadSecrets"]) == ["arn:aws:secretsmanager:us-east-1:123456789012:secret:etl-test-ingest-keys-AbCdEf"]
    error_message = "ECS reads the secret that is named, whole ARN, without the key in it."
  }
  assert {
    condition = one([for statement in jsondecode(output.execution_policy).Statement : statement if statement.Sid == "DecryptSecrets"]) == {
      Sid       = "DecryptSecrets"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = ["arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"]
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.us-east-1.amazonaws.com" } }
    }
    error_message = "ECS decrypts secrets, and nothing else of that key."
  }
  assert {
    condition     = one([for statement in jsondecode(output.execution_policy).Statement : statement.Resource if statement.Sid == "PullImage"]) == ["arn:aws:ecr:us-east-1:123456789012:repository/etl-test-ingest-api"]
    error_message = "ECS pulls from the service's own repository."
  }
  assert {
    condition     = [for statement in jsondecode(output.execution_policy).Statement : statement.Sid if contains(statement.Resource, "*")] == ["SignInToRegistry"]
    error_message = "The one action for every resource is the one that takes none."
  }
  assert {
    condition     = one(aws_ecs_service.this.alarms).rollback && one(aws_ecs_service.this.alarms).alarm_names == toset(["etl-test-ingest-5xx"])
    error_message = "An alarm rolls the deployment back."
  }
  assert {
    condition     = !strcontains(jsonencode([for variable in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : variable.name]), "API_KEYS")
    error_message = "A secret is no plain variable."
  }
}

run "exec_is_asked_for" {
  command = apply

  variables {
    exec   = true
    access = {}
  }

  assert {
    condition     = aws_ecs_service.this.enable_execute_command && !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    error_message = "The agent of ECS Exec writes to the file system."
  }
  assert {
    condition     = [for statement in jsondecode(output.task_policy).Statement : statement.Sid] == ["Exec"]
    error_message = "Exec adds its own actions alone."
  }
}

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html#ecs-exec-required-logging-permissions
run "sessions_that_are_kept_are_written_and_decrypted_by_the_task" {
  command = apply

  variables {
    exec   = true
    access = {}
    exec_audit = {
      log_group_arn = "arn:aws:logs:us-east-1:123456789012:log-group:/etl-test/exec"
      encrypted     = true
      kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    }
  }

  assert {
    condition = { for statement in jsondecode(output.task_policy).Statement : statement.Sid => { actions = statement.Action, resource = statement.Resource[0] } if statement.Sid != "Exec" } == {
      ExecFindLog = { actions = ["logs:DescribeLogGroups"], resource = "*" }
      ExecLog     = { actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], resource = "arn:aws:logs:us-east-1:123456789012:log-group:/etl-test/exec:*" }
      ExecKey     = { actions = ["kms:Decrypt"], resource = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
    }
    error_message = "Without these no session opens in a cluster that keeps and encrypts them."
  }
}

run "refuses_moving_tags" {
  command = plan
  variables {
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl-test-enricher:latest"
  }
  expect_failures = [var.image]
}

run "refuses_sizes_that_fargate_lacks" {
  command = plan
  variables {
    cpu    = 256
    memory = 4096
  }
  expect_failures = [var.memory]
}

run "refuses_plain_secrets" {
  command = plan
  variables {
    environment = { OPENSEARCH_PASSWORD = "plain" }
  }
  expect_failures = [var.environment]
}

run "refuses_wildcards" {
  command = plan
  variables {
    access = { read_streams = ["arn:aws:kinesis:us-east-1:123456789012:stream/*"] }
  }
  expect_failures = [var.access]
}

run "refuses_consumers_of_unread_streams" {
  command = plan
  variables {
    access = { read_consumers = ["arn:aws:kinesis:us-east-1:123456789012:stream/raw/consumer/enricher:1700000000"] }
  }
  expect_failures = [var.access]
}

run "refuses_no_capacity" {
  command = plan
  variables {
    capacity = { spot_weight = 0 }
  }
  expect_failures = [var.capacity]
}

run "refuses_a_deadlocked_deployment" {
  command = plan
  variables {
    deployment = { maximum_percent = 100, zone_rebalancing = false }
  }
  expect_failures = [var.deployment]
}

run "refuses_a_hasty_stop" {
  command = plan
  variables {
    stop_timeout_seconds = 5
  }
  expect_failures = [var.stop_timeout_seconds]
}
