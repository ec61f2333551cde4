"""What counts as a difference in a plan that was made right after an apply."""

from __future__ import annotations

from typing import Any

from infra_emulator.differences import differences


def plan(*actions: str, kind: str = "aws_ecs_service", **change: Any) -> dict[str, Any]:
    """A plan about one resource."""
    whole = {"actions": list(actions), "before": None, "after": None, **change}
    return {"resource_changes": [{"address": f"{kind}.this", "type": kind, "change": whole}]}


def told(plan: dict[str, Any]) -> list[str]:
    """The differences in words."""
    return [str(difference) for difference in differences(plan)]


def test_what_is_left_alone_or_read_is_no_difference() -> None:
    """Neither a resource without change nor a data source that is read at apply."""
    assert told(plan("no-op", before={"a": 1}, after={"a": 1})) == []
    assert told(plan("read")) == []
    assert told({}) == []


def test_an_update_names_its_attributes() -> None:
    """Down to members of blocks; values that are known only after the apply are changes too."""
    before = {"name": "x", "block": [{"days": 7, "on": True}], "arn": "old", "tags": {"A": "1"}}
    after = {"name": "x", "block": [{"days": 8, "on": True}], "tags": {"A": "1", "B": "2"}}
    found = told(plan("update", before=before, after=after, after_unknown={"arn": True}))
    assert found == [
        "aws_ecs_service.this.arn: update",
        "aws_ecs_service.this.block.0.days: update",
        "aws_ecs_service.this.tags: update",
    ]


def test_a_block_that_comes_or_goes_is_one_difference() -> None:
    """Its members have no counterparts."""
    assert told(plan("update", before={"block": []}, after={"block": [{"days": 8}]})) == [
        "aws_ecs_service.this.block: update"
    ]


def test_a_replacement_is_told_whole() -> None:
    """And never excused, whatever attribute asked for it."""
    (found,) = differences(plan("delete", "create", before={"availability_zone_rebalancing": "x"}, after={}))
    assert (str(found), found.is_forgotten) == ("aws_ecs_service.this: delete and create", False)


def test_only_what_the_emulators_forget_is_excused() -> None:
    """The same attribute of another type of resource is not."""
    change = {"before": {"availability_zone_rebalancing": None}, "after": {"availability_zone_rebalancing": "ENABLED"}}
    (excused,) = differences(plan("update", **change))
    (other,) = differences(plan("update", kind="aws_ecs_cluster", **change))
    assert (excused.is_forgotten, other.is_forgotten) == (True, False)
