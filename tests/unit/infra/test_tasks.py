"""A task whose environment has drifted from its service's settings is found."""

import json
from typing import Any

from infra_checks.tasks import problems, tasks

ADDRESS = 'module.service["enricher"].aws_ecs_task_definition.this'
ENVIRONMENT = {
    "ENRICHER_PROBE_PORT": "9090",
    "ENRICHER_DRAIN_SECONDS": "100",
    "ENRICHER_RAW_STREAM": "t-raw",
    "ENRICHER_ENRICHED_STREAM": "t-enriched",
    "ENRICHER_ARCHIVE_DELIVERY_STREAM": "t-enriched",
    "ENRICHER_LEASE_TABLE": "t-enricher-leases",
    "ENRICHER_DEAD_LETTER_STREAM": "t-dead-letters",
    "ENRICHER_DEAD_LETTER_DELIVERY_STREAM": "t-dead-letters",
    "ENRICHER_DEAD_LETTER_BUCKET": "t-archive",
}


def state(environment: dict[str, str], stop_timeout: int = 120, probe: int = 9090) -> dict[str, dict[str, Any]]:
    container = {
        "name": "enricher",
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "stopTimeout": stop_timeout,
        "healthCheck": {"command": ["CMD", "python3", "-c", f"urlopen('http://127.0.0.1:{probe}/livez')"]},
    }
    made = {f"module.stream.aws_kinesis_stream.on_demand[{n}]": {"name": n} for n in ("t-raw", "t-enriched")}
    return made | {
        "module.stream.aws_kinesis_stream.provisioned[0]": {"name": "t-dead-letters"},
        "module.delivery.aws_kinesis_firehose_delivery_stream.this[0]": {"name": "t-enriched"},
        "module.delivery.aws_kinesis_firehose_delivery_stream.this[1]": {"name": "t-dead-letters"},
        "module.state.aws_dynamodb_table.this[0]": {"name": "t-enricher-leases"},
        "module.lake.module.archive.aws_s3_bucket.this": {"bucket": "t-archive"},
        ADDRESS: {"container_definitions": json.dumps([container])},
    }


def told(values: dict[str, dict[str, Any]]) -> list[str]:
    (task,) = tasks(values)
    return problems(task, values)


def test_an_environment_that_fits_is_good() -> None:
    """The settings start, and all that they name is made."""
    assert told(state(ENVIRONMENT)) == []


def test_the_task_that_sets_search_up_is_checked_too() -> None:
    """It has no probe; its settings and its bucket must be as those of services."""
    environment = {
        "OPENSEARCH_URL": "https://a.es.amazonaws.com",
        "SEARCH_SNAPSHOT_BUCKET": "t-snapshots",
        "SEARCH": "x",
    }
    container = {
        "name": "search-setup",
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
    }
    address = 'module.search[0].aws_ecs_task_definition.job["this"]'
    (problem, cause) = told({address: {"container_definitions": json.dumps([container])}})
    assert problem == "search-setup: SEARCH is no setting of it"
    assert "SEARCH_SNAPSHOT_ROLE_ARN" in cause


def test_a_variable_that_the_service_does_not_have_is_found() -> None:
    """A renamed setting leaves the old name behind, which would be passed over in silence."""
    assert told(state(ENVIRONMENT | {"ENRICHER_STREAM": "t-raw"})) == ["enricher: ENRICHER_STREAM is no setting of it"]


def test_a_name_that_nothing_is_called_is_found() -> None:
    """A task must not wait for a stream that is not there."""
    values = state(ENVIRONMENT | {"ENRICHER_RAW_STREAM": "raw"})
    assert told(values) == ["enricher: raw_stream is 'raw', which no aws_kinesis_stream is called"]


def test_a_name_left_at_its_default_is_found() -> None:
    """The defaults are those of the local stack."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "ENRICHER_LEASE_TABLE"}
    assert any("ENRICHER_LEASE_TABLE names something of this system" in line for line in told(state(environment)))


def test_a_value_that_the_settings_refuse_is_found() -> None:
    """What the service would say at its start is said here."""
    assert any(
        "ENRICHER_DRAIN_SECONDS" in line for line in told(state(ENVIRONMENT | {"ENRICHER_DRAIN_SECONDS": "soon"}))
    )


def test_a_kill_before_the_drain_and_a_probe_elsewhere_are_found() -> None:
    """ECS waits longer than the service drains, and asks where the service answers."""
    assert told(state(ENVIRONMENT, stop_timeout=60)) == ["enricher: it is killed after 60 s, and drains up to 100 s"]
    assert told(state(ENVIRONMENT, probe=8080)) == ["enricher: ECS does not ask http://127.0.0.1:9090/livez"]
