"""What checkov says is counted, and nothing that it says is passed over."""

from pathlib import Path
from typing import Any

import pytest
from infra_checks.checkers import judged, unreasoned

PROJECT = Path(__file__).resolve().parents[3]


def report(*failed: str, passed: int = 0, skipped: int = 0, unread: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "check_type": "terraform",
        "results": {
            "failed_checks": [
                {
                    "check_id": check,
                    "check_name": "Ensure all is well",
                    "resource": "aws_s3_bucket.this",
                    "repo_file_path": "/infra/main.tf",
                    "file_line_range": [7, 9],
                }
                for check in failed
            ],
            "parsing_errors": list(unread),
        },
        "summary": {"passed": passed, "skipped": skipped},
    }


def test_frameworks_are_counted_together() -> None:
    """One that found nothing to look at has no results."""
    judgement = judged([report(passed=3, skipped=1), report(passed=4), {"passed": 0, "failed": 0}])
    assert (judgement.passed, judgement.suppressed, judgement.problems) == (7, 1, [])


def test_a_failed_check_is_told_with_its_place_and_the_way_out() -> None:
    """A module that is used twice is told of once."""
    (told,) = judged([report("CKV_AWS_1", "CKV_AWS_1")]).problems
    assert told.startswith("infra/main.tf:7: CKV_AWS_1 ")
    assert "checkov:skip=CKV_AWS_1: reason" in told


def test_a_file_that_was_not_read_is_a_problem() -> None:
    """It was not judged."""
    assert judged([report(unread=("infra/main.tf",))]).problems == ["checkov cannot read infra/main.tf"]


@pytest.mark.parametrize("line", ["# checkov:skip=CKV_AWS_1", "# checkov:skip=CKV_AWS_1: the same."])
def test_a_suppression_needs_a_reason(tmp_path: Path, line: str) -> None:
    """Words that say why, for whoever reviews it."""
    place = tmp_path / "main.tf"
    place.write_text(f'resource "a" "b" {{\n  {line}\n}}\n')
    assert list(unreasoned(place)) == ["main.tf:2: CKV_AWS_1 is suppressed without a reason"]
    place.write_text(f'resource "a" "b" {{\n  {line}: since nothing else is possible here\n}}\n')
    assert list(unreasoned(place)) == []


def test_every_suppression_here_has_one() -> None:
    """In Terraform, Dockerfiles and workflows."""
    places = [
        *(PROJECT / "infra").rglob("*.tf"),
        *PROJECT.glob("*/Dockerfile"),
        *PROJECT.glob(".github/workflows/*.y*ml"),
    ]
    assert [told for place in places for told in unreasoned(place)] == []
