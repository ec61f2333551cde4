# The whole system with a profile, applied by a mocked provider: names fit together, and nothing is open that need not be.
mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

run "profile" {
  command = apply

  assert {
    condition     = toset(keys(output.environment)) == toset(keys(var.services))
    error_message = "Every service of the profile runs."
  }
  assert {
    condition     = alltrue([for name, stream in output.streams : stream == "${var.name}-${name}"])
    error_message = "Streams are called by the prefix and their part."
  }
  assert {
    condition     = alltrue([for environment in output.environment : can(regex("^https://[a-z0-9.-]+$", lookup(environment, "OPENSEARCH_URL", "https://none")))])
    error_message = "The domain's address has its scheme once, and no path."
  }
  assert {
    condition     = output.search_job == null || try(length(output.search_job.network_configuration.awsvpcConfiguration.subnets) >= 2, false)
    error_message = "The task that sets the domain up runs where the services do."
  }
  assert {
    condition = alltrue([
      for service, policy in output.task_policies : strcontains(policy, "es:ESHttpPost") == (contains(["indexer", "console"], service) && var.search.enabled && var.search.sign_requests)
    ])
    error_message = "Indexer and console sign requests to the domain, and nobody else may."
  }
  assert {
    condition     = startswith(output.ingest_url, "https://")
    error_message = "Senders send by TLS."
  }
  assert {
    condition     = alltrue([for service, environment in output.environment : !anytrue([for value in values(environment) : value == null])])
    error_message = "No setting is left empty by mistake."
  }
  assert {
    condition = alltrue(flatten([
      for policy in values(output.task_policies) : [
        for statement in jsondecode(policy).Statement : contains(["Exec", "ExecFindLog"], statement.Sid) || !contains(flatten([statement.Resource]), "*")
      ]
    ]))
    error_message = "No service may do anything with every resource, but open a session where that was asked for."
  }
  assert {
    condition = alltrue([
      for service, policy in output.task_policies : service == "indexer" || service == "enricher" || service == "aggregator" ? true : !strcontains(policy, "kinesis:GetRecords")
    ])
    error_message = "Who consumes nothing cannot read streams."
  }
  assert {
    condition = (
      length(var.fan_out) > 0
      ? strcontains(output.task_policies.enricher, "kinesis:SubscribeToShard")
      : alltrue([for policy in values(output.task_policies) : !strcontains(policy, "kinesis:SubscribeToShard")])
    )
    error_message = "Enhanced fan-out is allowed where it is used, and costs nothing where it is not."
  }
}
