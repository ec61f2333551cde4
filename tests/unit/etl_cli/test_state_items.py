"""Items as lines, and what changes before a group goes on from a copy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_cli.state.items import from_line, going_on, object_keys, renewed, to_line
from shardline import Checkpoint, Lease
from shardline.leases.dynamodb_rows import counter_item, from_item, to_item

NOW = 1_800_000_000.0
SINCE_2024 = int(NOW) - 1_704_067_200

VALUES = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text()),
        st.builds(lambda number: {"N": str(number)}, st.integers()),
        st.builds(lambda data: {"B": data}, st.binary()),
        st.builds(lambda data: {"BS": sorted(data)}, st.sets(st.binary(), min_size=1)),
        st.builds(lambda texts: {"SS": sorted(texts)}, st.sets(st.text(), min_size=1)),
        st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
        st.just({"NULL": True}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda values: {"L": values}, st.lists(inner)),
        st.builds(lambda values: {"M": values}, st.dictionaries(st.text(), inner)),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), VALUES))
def test_every_item_comes_back_from_its_line(item: dict[str, Any]) -> None:
    """Bytes and nested values too; and the line is one line."""
    line = to_line(item)
    assert "\n" not in line
    back = from_line(line)
    # The members of a set of bytes are sorted by their Base64.
    assert {name: _sorted(value) for name, value in back.items()} == {n: _sorted(v) for n, v in item.items()}


def _sorted(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "BS":
        return {kind: sorted(content)}
    if kind == "L":
        return {kind: [_sorted(each) for each in content]}
    if kind == "M":
        return {kind: {name: _sorted(each) for name, each in content.items()}}
    return value


def lease(shard: str, epoch: int, owner: str | None = "gone") -> dict[str, Any]:
    return to_item(Lease(shard_id=shard, owner=owner, epoch=epoch, counter=7, checkpoint=Checkpoint("100")))


def test_a_group_goes_on_without_owners_and_above_all_epochs() -> None:
    """The owners of the copy's time are gone; what they wrote since has epochs that the copy does not know."""
    counter, *leases = going_on([counter_item("group", 5, ""), lease("a", 4), lease("b", 5)], NOW)
    assert counter["epoch"] == {"N": str(SINCE_2024)}
    assert counter["consumerGroup"] == {"S": "group"}
    for item, shard in zip(leases, ("a", "b"), strict=True):
        made = from_item(item)
        assert (made.shard_id, made.owner, made.checkpoint) == (shard, None, Checkpoint("100"))


def test_a_counter_that_is_higher_stays() -> None:
    """A table that was put back before has a counter of seconds already."""
    ahead = SINCE_2024 + 10
    counter, _ = going_on([counter_item("group", ahead, ""), lease("a", 3)], NOW)
    assert counter["epoch"] == {"N": str(ahead)}
    counter, _ = going_on([counter_item("group", 1, ""), lease("a", ahead)], NOW)
    assert counter["epoch"] == {"N": str(ahead)}


def test_items_of_other_tables_stay_as_they_are() -> None:
    state = {"application": {"S": "aggregator"}, "epoch": {"N": "3"}, "chain": {"L": [{"S": "k"}]}}
    assert going_on([state], NOW) == [state]


def test_a_lease_that_was_renewed_betrays_a_running_group() -> None:
    before, after = lease("a", 1), {**lease("a", 1), "leaseCounter": {"N": "8"}}
    assert renewed([before], [before]) == []
    assert renewed([before], [after]) == ["a"]
    assert renewed([], [after]) == [], "a lease that is new was created, which a sync does without reading"


def test_the_objects_of_states_are_those_of_both_chains() -> None:
    """The former chain is what a commit that was cut off needs."""
    state = {"chain": {"L": [{"S": "2"}, {"S": "3"}]}, "former": {"L": [{"S": "1"}, {"S": "2"}]}}
    assert object_keys([state, lease("a", 1)]) == ["1", "2", "3"]


@pytest.mark.parametrize("line", ["", "[]", "{", '"text"'])
def test_what_is_no_item_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"not an item|Expecting"):
        from_line(line)
