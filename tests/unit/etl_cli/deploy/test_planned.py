"""A plan is told by what matters in it, and is known again by what it does."""

from typing import Any

from etl_cli.deploy.planned import changes, fingerprint, summary


def resource(address: str, actions: list[str], before: Any = None, after: Any = None) -> dict[str, Any]:
    kind = address.split(".")[-2]
    return {"address": address, "type": kind, "change": {"actions": actions, "before": before, "after": after}}


PLAN = {
    "resource_changes": [
        resource("aws_kinesis_stream.raw", ["delete", "create"], {"name": "a"}, {"name": "b"}),
        resource(
            "module.x.aws_ecs_service.this", ["update"], {"desired_count": 3, "cpu": 1}, {"desired_count": 3, "cpu": 2}
        ),
        resource("aws_iam_role.new", ["create"], None, {"name": "r"}),
        resource("aws_iam_role.same", ["no-op"], {}, {}),
        resource("data.aws_iam_role.read", ["read"], None, {}),
    ]
}


def test_counts_and_names_what_is_not_new() -> None:
    """What is only read or stays is left out; a replaced stream is marked."""
    lines = summary(changes(PLAN))
    assert lines[0] == "plan: 1 to create, 1 to update, 1 to replace"
    assert any("module.x.aws_ecs_service.this" in line and "LOSES" not in line for line in lines)
    assert any("aws_kinesis_stream.raw" in line and "LOSES WHAT IT HOLDS" in line for line in lines)
    assert not any("aws_iam_role.same" in line or "data." in line for line in lines)


def test_replacing_a_stream_loses_data_and_a_new_task_definition_does_not() -> None:
    """Only what holds something is lost with it."""
    found = changes(
        {
            "resource_changes": [
                *PLAN["resource_changes"],
                resource("aws_ecs_task_definition.this", ["create", "delete"], {}, {"cpu": 2}),
            ]
        }
    )
    assert [change.address for change in found if change.loses_data] == ["aws_kinesis_stream.raw"]


def test_an_empty_plan_says_so() -> None:
    """Nothing to change can be approved like any other plan."""
    assert summary(changes({})) == ["plan: nothing to change", f"fingerprint: {fingerprint([])}"]


def test_the_fingerprint_is_of_what_is_set() -> None:
    """A task count that autoscaling moved meanwhile changes nothing; another value that is set does."""
    scaled, other = [
        {
            "resource_changes": [
                PLAN["resource_changes"][0],
                resource(
                    "module.x.aws_ecs_service.this",
                    ["update"],
                    {"desired_count": count, "cpu": 1},
                    {"desired_count": count, "cpu": cpu},
                ),
                *PLAN["resource_changes"][2:],
            ]
        }
        for count, cpu in ((9, 2), (3, 4))
    ]
    approved = fingerprint(changes(PLAN))
    assert fingerprint(changes(scaled)) == approved
    assert fingerprint(changes(other)) != approved
    assert len(approved) == 16
