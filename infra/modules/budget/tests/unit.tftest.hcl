mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name              = "etl-test"
  monthly_limit_usd = 200
  cost_tag          = { key = "System", value = "etl-test" }
  emails            = ["ops@example.com"]
}

run "tells_in_time" {
  command = apply

  assert {
    condition     = aws_budgets_budget.this.limit_amount == "200.00" && aws_budgets_budget.this.limit_unit == "USD"
    error_message = "The limit is in US dollars."
  }
  assert {
    condition     = one(aws_budgets_budget.this.cost_filter).values == tolist(["user:System$etl-test"])
    error_message = "Only this system's costs count."
  }
  assert {
    condition     = toset([for told in aws_budgets_budget.this.notification : "${told.notification_type} ${told.threshold}"]) == toset(["ACTUAL 50", "ACTUAL 80", "ACTUAL 100", "FORECASTED 100"])
    error_message = "Money spent is told of on the way, and the forecast once."
  }
}

run "refuses_to_tell_nobody" {
  command = plan
  variables {
    emails = []
  }
  expect_failures = [aws_budgets_budget.this]
}

run "refuses_odd_addresses" {
  command = plan
  variables {
    emails = ["ops"]
  }
  expect_failures = [var.emails]
}

run "refuses_nothing" {
  command = plan
  variables {
    monthly_limit_usd = 0
  }
  expect_failures = [var.monthly_limit_usd]
}
