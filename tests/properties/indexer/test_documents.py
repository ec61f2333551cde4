"""What holds for every record."""

import re

from hypothesis import given
from hypothesis import strategies as st

from event_contract import Rejected
from indexer.documents import KINDS, Kind, document_id, index_name, read, version

times = st.integers(0, 253_402_300_799_999)


@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_any_bytes_make_a_document_or_a_reason(kind: Kind, data: bytes):
    """Reading never raises."""
    made = read(kind, data)
    assert isinstance(made, Rejected) or made.document.index.startswith(("events", "aggr", "aler", "late", "dead"))


@given(st.text(), times)
def test_index_names_are_what_opensearch_takes(part: str, time: int):
    """Lower case, no forbidden character, bounded, dated."""
    assert re.fullmatch(r"events-([a-z0-9_-]{1,64}-)?\d{4}\.\d{2}\.\d{2}", index_name("events", time, part))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_document_ids_fit(source_id: str):
    """No id is beyond 512 bytes, and a short one is not changed."""
    made = document_id(source_id)
    assert len(made.encode()) <= 512
    assert made == source_id or len(source_id.encode()) > 512


_epochs, _revisions = st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1)


@given(st.tuples(_epochs, _revisions), st.tuples(_epochs, _revisions))
def test_versions_order_as_epoch_then_revision(first: tuple[int, int], second: tuple[int, int]):
    """A later epoch beats every revision of an earlier one."""
    assert (first < second) == (version(*first) < version(*second))
