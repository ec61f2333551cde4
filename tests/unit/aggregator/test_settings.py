"""What the aggregator's settings refuse."""

import pytest

from aggregator.settings import Settings
from service_runtime.settings import SettingsInvalid, load


def test_one_task_has_all_shards_unless_told_otherwise() -> None:
    assert load(Settings, {}).distribution == "single"
    assert load(Settings, {"AGGREGATOR_DISTRIBUTION": "shards"}).exchange_stream == "exchange"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"AGGREGATOR_EXCHANGE_STREAM": "enriched"}, "AGGREGATOR_EXCHANGE_STREAM=enriched is another stream"),
        ({"AGGREGATOR_EXCHANGE_LEASE_TABLE": "aggregator-leases"}, "AGGREGATOR_EXCHANGE_LEASE_TABLE=aggregator-leases"),
        ({"AGGREGATOR_EXCHANGE_STREAM": ""}, "AGGREGATOR_EXCHANGE_STREAM"),
        ({"AGGREGATOR_DISTRIBUTION": "many"}, "AGGREGATOR_DISTRIBUTION"),
    ],
)
def test_an_exchange_that_cannot_work_is_refused_at_the_start(variables: dict[str, str], named: str) -> None:
    """With the name of the variable, before anything is read or written."""
    with pytest.raises(SettingsInvalid, match=named):
        load(Settings, {"AGGREGATOR_DISTRIBUTION": "shards", **variables})


def test_one_task_does_not_care_what_the_exchange_is_called() -> None:
    assert load(Settings, {"AGGREGATOR_EXCHANGE_STREAM": "enriched"}).distribution == "single"
