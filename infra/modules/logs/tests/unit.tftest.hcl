mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "etl-test"
  account_id = "123456789012"
  stream     = { name = "etl-test-raw", arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw" }
  subscriptions = {
    web  = { log_group = "/aws/lambda/web" }
    shop = { log_group = "/ecs/shop", pattern = "{ $.level = \"ERROR\" }", distribution = "Random" }
  }
}

run "filters" {
  # One filter a log group, all by one role that may put into this stream, for these log groups alone.
  command = apply

  assert {
    condition     = output.filter_names == { web = "etl-test-web", shop = "etl-test-shop" }
    error_message = "names differ"
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.this["web"].distribution == "ByLogStream" && aws_cloudwatch_log_subscription_filter.this["shop"].distribution == "Random" && aws_cloudwatch_log_subscription_filter.this["shop"].filter_pattern == "{ $.level = \"ERROR\" }"
    error_message = "the filters differ"
  }

  assert {
    condition     = jsondecode(output.role_policy).Statement == [{ Sid = "PutEvents", Effect = "Allow", Action = ["kinesis:PutRecord", "kinesis:PutRecords"], Resource = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw" }]
    error_message = "the role may do something else"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"] == flatten([for group in ["/ecs/shop", "/aws/lambda/web"] : [for suffix in ["", ":*"] : "arn:aws:logs:us-east-1:123456789012:log-group:${group}${suffix}"]])
    error_message = "other log groups could use the role, or these could not"
  }
}

run "own_key" {
  command = apply

  variables {
    stream = { name = "etl-test-raw", arn = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-test-raw", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
  }

  assert {
    condition     = jsondecode(output.role_policy).Statement[1].Resource == "arn:aws:kms:us-east-1:123456789012:key/1"
    error_message = "CloudWatch Logs could not write into an encrypted stream"
  }
}

run "refuses_its_own_lines" {
  # A line of the enricher about a batch of lines would be in the next batch.
  command = plan

  variables {
    subscriptions = { own = { log_group = "/etl-test/enricher" } }
  }

  expect_failures = [var.subscriptions]
}

run "refuses_an_arn" {
  command = plan

  variables {
    subscriptions = { shop = { log_group = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/shop:*" } }
  }

  expect_failures = [var.subscriptions]
}

run "refuses_nothing" {
  command = plan

  variables {
    subscriptions = {}
  }

  expect_failures = [var.subscriptions]
}

run "refuses_a_third_filter" {
  command = plan

  variables {
    subscriptions = { a = { log_group = "x" }, b = { log_group = "x" }, c = { log_group = "x" } }
  }

  expect_failures = [var.subscriptions]
}

run "refuses_bad_values" {
  command = plan

  variables {
    name       = "E"
    account_id = "1"
    stream     = { name = "raw", arn = "raw" }
  }

  expect_failures = [var.name, var.account_id, var.stream]
}

run "refuses_other_distributions" {
  command = plan

  variables {
    subscriptions = { web = { log_group = "x", distribution = "Even" } }
  }

  expect_failures = [var.subscriptions]
}
