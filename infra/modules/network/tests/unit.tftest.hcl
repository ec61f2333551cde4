mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name               = "etl-test"
  account_id         = "123456789012"
  availability_zones = ["us-east-1a", "us-east-1b"]
}

run "private_by_default" {
  command = apply

  assert {
    condition     = length(aws_subnet.public) == 2 && length(aws_subnet.private) == 2
    error_message = "Two zones have two public and two private subnets."
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.nat) == 0
    error_message = "Without nat nothing in a private subnet reaches the internet."
  }
  assert {
    condition = toset(keys(aws_vpc_endpoint.interface)) == toset([
      "ecr.api", "ecr.dkr", "kinesis-firehose", "kinesis-streams", "kms", "logs", "monitoring", "secretsmanager", "sns", "sts"
    ])
    error_message = "Every AWS service that the tasks call has an endpoint."
  }
  assert {
    condition     = toset(keys(aws_vpc_endpoint.gateway)) == toset(["dynamodb", "s3"])
    error_message = "S3 and DynamoDB have gateway endpoints, which cost nothing."
  }
  assert {
    condition     = one(output.egress.cidr_blocks) == "10.20.0.0/16" && !output.assign_public_ip
    error_message = "Without nat tasks may connect to the VPC alone."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "No public address is given unasked."
  }
  assert {
    condition     = length(distinct([for subnet in concat(values(aws_subnet.public), values(aws_subnet.private)) : subnet.cidr_block])) == 4
    error_message = "Subnets do not overlap."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_vpc_endpoint.interface["kinesis-streams"].policy).Statement : statement.Condition.StringEquals["aws:PrincipalAccount"] == "123456789012"])
    error_message = "Interface endpoints serve this account's principals alone."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == "10.20.0.0/16" && aws_vpc_security_group_ingress_rule.endpoints[0].to_port == 443
    error_message = "Endpoints take HTTPS from the VPC alone."
  }
  assert {
    condition     = length(aws_flow_log.rejected) == 0
    error_message = "Flow logs cost, so they are asked for."
  }
}

run "public_costs_nothing" {
  command = apply

  variables {
    private             = false
    interface_endpoints = []
  }

  assert {
    condition     = length(aws_subnet.private) == 0 && length(aws_vpc_endpoint.interface) == 0 && length(aws_nat_gateway.this) == 0 && length(aws_security_group.endpoints) == 0
    error_message = "Public subnets alone: nothing here has a price by the hour."
  }
  assert {
    condition     = output.assign_public_ip && one(output.egress.cidr_blocks) == "0.0.0.0/0"
    error_message = "Tasks reach AWS by its public addresses."
  }
  assert {
    condition     = output.task_subnet_ids == output.public_subnet_ids
    error_message = "Tasks are in the public subnets."
  }
}

run "nat_in_each_zone" {
  command = apply

  variables {
    availability_zones       = ["us-east-1a", "us-east-1b", "us-east-1c"]
    nat                      = "per_zone"
    interface_endpoints      = []
    flow_logs_retention_days = 30
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_route.nat) == 3
    error_message = "Each zone has its own gateway, so that none depends on another."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.flow[0].policy).Statement[0].Resource == "${aws_cloudwatch_log_group.flow[0].arn}:*"
    error_message = "Flow logs may write to their own group alone."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.flow[0].policy).Statement : statement.Action if statement.Resource == "*"] == ["logs:DescribeLogGroups"]
    error_message = "They find it by asking for all groups, which takes no resource."
  }
  assert {
    condition     = aws_flow_log.rejected[0].traffic_type == "REJECT"
    error_message = "Rejected traffic is what tells of a closed door."
  }
}

run "one_nat_for_all" {
  command = plan

  variables {
    nat = "single"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 2
    error_message = "One gateway serves both zones."
  }
}

run "refuses_one_zone" {
  command = plan
  variables {
    availability_zones = ["us-east-1a"]
  }
  expect_failures = [var.availability_zones]
}

run "refuses_nat_without_private_subnets" {
  command = plan
  variables {
    private             = false
    interface_endpoints = []
    nat                 = "single"
  }
  expect_failures = [var.nat]
}

run "refuses_a_closed_box" {
  command = plan
  variables {
    interface_endpoints = ["logs"]
  }
  expect_failures = [var.interface_endpoints]
}

run "refuses_small_networks" {
  command = plan
  variables {
    cidr_block = "10.0.0.0/24"
  }
  expect_failures = [var.cidr_block]
}

run "refuses_odd_retention" {
  command = plan
  variables {
    flow_logs_retention_days = 31
  }
  expect_failures = [var.flow_logs_retention_days]
}

run "refuses_odd_names" {
  command = plan
  variables {
    name = "ETL_prod"
  }
  expect_failures = [var.name]
}
