"""How enriched events are put: readers that cannot take aggregates apart get one event a record."""

from unittest.mock import Mock

import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

import enricher.__main__ as service
from delivery import KinesisSink
from enricher.metrics import EnricherMetrics
from enricher.settings import Settings


@pytest.mark.parametrize(("variable", "chosen"), [(None, "key"), ("off", "off"), ("shard", "shard")])
def test_the_setting_reaches_the_enriched_stream_and_never_dead_letters(monkeypatch, variable, chosen):
    """ENRICHER_AGGREGATE is of the enriched stream alone; dead letters are one a record."""
    given = {} if variable is None else {"aggregate": variable}
    put: dict[str, str] = {}

    def sink(data_plane, stream, **options):
        put[stream] = options["aggregate"]
        return Mock(spec=KinesisSink)

    monkeypatch.setattr(service, "KinesisSink", sink)
    monkeypatch.setattr(service, "FirehoseSink", Mock())
    settings = Settings(dead_letter_stream="dead-letters", **given)
    service._pipeline(
        settings, EnricherMetrics(CollectorRegistry()), Mock(), {"puts": Mock(), "firehose": Mock(), "s3": Mock()}
    )
    assert put == {"enriched": chosen, "dead-letters": "off"}


def test_other_choices_are_refused():
    """A wrong word stops the service at its start."""
    with pytest.raises(ValidationError, match="aggregate"):
        Settings(aggregate="yes")
