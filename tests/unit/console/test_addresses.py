"""Tasks behind one name, told apart by their addresses."""

from collections.abc import Sequence

from console.addresses import expand
from console.settings import Target


async def _resolve(host: str) -> Sequence[str]:
    known = {
        "enricher": ["10.0.0.3", "10.0.0.2", "10.0.0.2"],
        "indexer": ["10.0.0.9"],
        "secure": ["10.0.0.4", "10.0.0.5"],
    }
    return known.get(host, [])


async def test_a_name_with_two_addresses_is_two_processes() -> None:
    """Each address is scraped once, with the port and path of the name."""
    expanded = await expand([Target("enricher", "http://enricher:9090/metrics")], _resolve)
    assert [target.url for target in expanded] == ["http://10.0.0.2:9090/metrics", "http://10.0.0.3:9090/metrics"]
    assert {target.service for target in expanded} == {"enricher"}


async def test_other_names_stay_as_they_are() -> None:
    """One address, none, an answer that did not come, or TLS: the name is asked, and its error is what is shown."""
    targets = [
        Target("indexer", "http://indexer:9090/metrics"),
        Target("gone", "http://gone/metrics"),
        Target("secure", "https://secure:9443/metrics"),
    ]
    assert await expand(targets, _resolve) == tuple(targets)


async def test_a_process_that_is_named_twice_counts_once() -> None:
    """A name and one of its own addresses do not make three processes of two."""
    targets = [
        Target("enricher", "http://enricher:9090/metrics"),
        Target("enricher", "http://10.0.0.2:9090/metrics"),
    ]
    assert len(await expand(targets, _resolve)) == 2
