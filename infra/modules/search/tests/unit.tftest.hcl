mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                      = "etl-test"
  account_id                = "123456789012"
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-a", "subnet-b", "subnet-c"]
  client_security_group_ids = { indexer = "sg-indexer", console = "sg-console" }
}

run "closed_and_encrypted" {
  # The domain lies in the VPC, takes TLS alone, encrypts at rest and between nodes, and knows its users.
  command = apply

  assert {
    condition     = output.domain_name == "etl-test-search" && output.endpoint == "https://vpc-mocked.us-east-1.es.amazonaws.com"
    error_message = "names differ"
  }

  assert {
    condition     = aws_opensearch_domain.this.encrypt_at_rest[0].enabled && aws_opensearch_domain.this.node_to_node_encryption[0].enabled && aws_opensearch_domain.this.domain_endpoint_options[0].enforce_https && aws_opensearch_domain.this.domain_endpoint_options[0].tls_security_policy == "Policy-Min-TLS-1-2-PFS-2023-10"
    error_message = "something is not encrypted"
  }

  assert {
    condition     = aws_opensearch_domain.this.advanced_security_options[0].enabled && !aws_opensearch_domain.this.advanced_security_options[0].anonymous_auth_enabled && aws_opensearch_domain.this.advanced_security_options[0].master_user_options[0].master_user_name == "etl"
    error_message = "anybody could come in"
  }

  assert {
    condition     = nonsensitive(aws_opensearch_domain.this.advanced_security_options[0].master_user_options[0].master_user_password) == "Mocked-Password-1"
    error_message = "the password is not the secret's"
  }

  assert {
    condition     = aws_opensearch_domain.this.vpc_options[0].subnet_ids == toset(["subnet-a"]) && !aws_opensearch_domain.this.cluster_config[0].zone_awareness_enabled
    error_message = "one zone takes one subnet"
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.client : name => "${rule.referenced_security_group_id} ${rule.from_port}-${rule.to_port}" } == { indexer = "sg-indexer 443-443", console = "sg-console 443-443" }
    error_message = "others could connect"
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_opensearch_domain.this.access_policies).Statement : s.Resource == "arn:aws:es:us-east-1:123456789012:domain/etl-test-search/*" && alltrue([for action in s.Action : startswith(action, "es:ESHttp")])])
    error_message = "the policy allows more than requests to this domain"
  }

  assert {
    condition     = aws_opensearch_domain.this.ebs_options[0].iops == 3000 && aws_opensearch_domain.this.ebs_options[0].throughput == 125
    error_message = "a small volume would cost more than it has to"
  }

  assert {
    condition     = aws_opensearch_domain.this.auto_tune_options[0].desired_state == "DISABLED"
    error_message = "AWS refuses Auto-Tune for burstable nodes"
  }

  assert {
    condition     = toset([for o in aws_opensearch_domain.this.log_publishing_options : o.log_type]) == toset(["ES_APPLICATION_LOGS", "INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS", "AUDIT_LOGS"]) && output.log_group_names["AUDIT_LOGS"] == "/aws/opensearch/etl-test-search/audit-logs"
    error_message = "logs differ"
  }

  assert {
    condition     = length(aws_iam_service_linked_role.this) == 0 && aws_secretsmanager_secret.this.recovery_window_in_days == 30
    error_message = "the account has the role already, or the password is lost with the domain"
  }
}

run "snapshots" {
  # The domain may use the snapshot bucket by its role, and only this domain may.
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  assert {
    condition     = { for s in jsondecode(output.snapshot_role_policy).Statement : s.Sid => s.Resource } == { ListSnapshots = "arn:aws:s3:::mocked", UseSnapshots = "arn:aws:s3:::mocked/*", UseKey = "arn:aws:kms:us-east-1:123456789012:key/1" }
    error_message = "the role reaches something else"
  }

  assert {
    condition     = jsondecode(aws_iam_role.snapshots.assume_role_policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:es:us-east-1:123456789012:domain/etl-test-search" && output.snapshot_bucket_name == "etl-test-snapshots-123456789012-us-east-1"
    error_message = "another domain could use the role"
  }

  assert {
    condition     = aws_opensearch_domain.this.encrypt_at_rest[0].kms_key_id == var.kms_key_arn && aws_secretsmanager_secret.this.kms_key_id == var.kms_key_arn
    error_message = "the key is not used"
  }
}

run "three_zones" {
  command = apply

  variables {
    nodes                      = { type = "r7g.large.search", count = 6, zones = 3, volume_gib = 500 }
    masters                    = { type = "m7g.large.search" }
    audit_logs                 = false
    create_service_linked_role = true
    deletion_protection        = false
  }

  assert {
    condition     = aws_opensearch_domain.this.cluster_config[0].zone_awareness_config[0].availability_zone_count == 3 && aws_opensearch_domain.this.vpc_options[0].subnet_ids == toset(["subnet-a", "subnet-b", "subnet-c"])
    error_message = "copies of an index could share a zone"
  }

  assert {
    condition     = aws_opensearch_domain.this.cluster_config[0].dedicated_master_enabled && aws_opensearch_domain.this.cluster_config[0].dedicated_master_count == 3 && aws_opensearch_domain.this.auto_tune_options[0].desired_state == "ENABLED"
    error_message = "masters or Auto-Tune differ"
  }

  assert {
    condition     = length(aws_iam_service_linked_role.this) == 1 && length(aws_cloudwatch_log_group.this) == 3 && aws_secretsmanager_secret.this.recovery_window_in_days == 0
    error_message = "options differ"
  }
}

run "refuses_uneven_zones" {
  command = plan

  variables {
    nodes = { count = 3, zones = 2 }
  }

  expect_failures = [var.nodes]
}

run "refuses_zones_without_subnets" {
  command = plan

  variables {
    subnet_ids = ["subnet-a"]
    nodes      = { count = 2, zones = 2 }
  }

  expect_failures = [var.nodes]
}

run "refuses_small_volumes" {
  command = plan

  variables {
    nodes = { volume_gib = 5 }
  }

  expect_failures = [var.nodes]
}

run "volumes_are_as_fast_as_their_size_asks" {
  # A domain of larger volumes with gp3's smallest numbers is never ready.
  command = plan

  variables {
    nodes = { type = "r7g.large.search", volume_gib = 1400 }
  }

  assert {
    condition     = aws_opensearch_domain.this.ebs_options[0].iops == 4200 && aws_opensearch_domain.this.ebs_options[0].throughput == 250
    error_message = "the volume would be slower than AWS allows"
  }
}

run "refuses_slow_volumes" {
  command = plan

  variables {
    nodes = { iops = 1000 }
  }

  expect_failures = [var.nodes]
}

run "refuses_slow_large_volumes" {
  command = plan

  variables {
    nodes = { volume_gib = 200, throughput_mib = 125 }
  }

  expect_failures = [var.nodes]
}

run "refuses_two_masters" {
  command = plan

  variables {
    masters = { type = "m7g.large.search", count = 2 }
  }

  expect_failures = [var.masters]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name                    = "far-too-long-for-a-domain"
    account_id              = "1"
    kms_key_arn             = "mine"
    log_kms_key_arn         = "mine"
    engine_version          = "Elasticsearch_7.10"
    master_user_name        = "Admin!"
    snapshot_retention_days = 0
    log_retention_days      = 2
    nodes                   = { type = "t3.small" }
  }

  expect_failures = [var.name, var.account_id, var.kms_key_arn, var.log_kms_key_arn, var.engine_version, var.master_user_name, var.snapshot_retention_days, var.log_retention_days, var.nodes]
}

run "refuses_no_subnets" {
  command = plan

  variables {
    subnet_ids = []
  }

  expect_failures = [var.subnet_ids]
}

run "no_task_unless_asked" {
  command = plan

  assert {
    condition     = output.job == null && length(aws_iam_role.job) == 0
    error_message = "a task that nobody asked for"
  }
}

run "set_up_by_a_task" {
  # The task signs by a role that may register the repository and pass the snapshots' role, and nothing else; it has the
  # first user's password, and is let in.
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    job = {
      image              = "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl-indexer:1"
      repository_arn     = "arn:aws:ecr:us-east-1:123456789012:repository/etl-indexer"
      indexer_role_arns  = ["arn:aws:iam::123456789012:role/indexer"]
      reader_roles       = ["arn:aws:iam::123456789012:role/console", "analysts"]
      snapshot_role_arns = ["arn:aws:iam::123456789012:role/operators"]
      environment        = { SEARCH_RETENTION = "events=30" }
      cidr_blocks        = ["10.0.0.0/16"]
      prefix_list_ids    = { s3 = "pl-s3" }
    }
  }

  assert {
    condition = { for s in jsondecode(output.job_policies.task).Statement : s.Sid => { actions = s.Action, resources = s.Resource } } == {
      RegisterRepository = { actions = ["es:ESHttpPut"], resources = ["arn:aws:es:us-east-1:123456789012:domain/etl-test-search/_snapshot/*"] }
      PassSnapshotRole   = { actions = ["iam:PassRole"], resources = ["arn:aws:iam::123456789012:role/mocked"] }
    }
    error_message = "the task may do something else"
  }

  assert {
    condition     = { for s in jsondecode(output.job_policies.execution).Statement : s.Sid => s.Resource }["DecryptSecret"] == [var.kms_key_arn] && toset([for s in jsondecode(output.job_policies.execution).Statement : s.Sid]) == toset(["Logs", "ReadSecret", "PullImage", "SignInToRegistry", "DecryptSecret"])
    error_message = "ECS could not start it, or could do more"
  }

  assert {
    condition     = output.job.environment["OPENSEARCH_URL"] == output.endpoint && output.job.environment["SEARCH_SIGN"] == "true" && output.job.environment["SEARCH_PARTS"] == "access,templates,retention,snapshots,dashboards,audit" && output.job.environment["SEARCH_RETENTION"] == "events=30"
    error_message = "it would set something else up"
  }

  assert {
    condition     = output.job.environment["SEARCH_READER_ROLES"] == "arn:aws:iam::123456789012:role/console,analysts" && endswith(output.job.environment["SEARCH_SNAPSHOT_ROLES"], ",arn:aws:iam::123456789012:role/operators") && output.job.environment["SEARCH_SNAPSHOT_BUCKET"] == output.snapshot_bucket_name
    error_message = "roles would be given to others"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.job["this"].container_definitions)[0].entryPoint == ["python3", "-m", "indexer.search_setup"] && toset([for s in jsondecode(aws_ecs_task_definition.job["this"].container_definitions)[0].secrets : s.name]) == toset(["OPENSEARCH_USER", "OPENSEARCH_PASSWORD"]) && jsondecode(aws_ecs_task_definition.job["this"].container_definitions)[0].readonlyRootFilesystem
    error_message = "it starts something else, or without the password"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.job["this"].from_port == 443 && [for r in aws_vpc_security_group_egress_rule.job : r.cidr_ipv4] == ["10.0.0.0/16"] && aws_vpc_security_group_egress_rule.job_prefix_lists["s3"].prefix_list_id == "pl-s3"
    error_message = "it reaches other addresses, or not the domain"
  }
}

run "refuses_roles_by_pattern" {
  command = plan

  variables {
    job = { image = "i", indexer_role_arns = ["*"], cidr_blocks = [] }
  }

  expect_failures = [var.job]
}
