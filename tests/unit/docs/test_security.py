"""docs/security.md says what is true: what it quotes is there, and nothing stands on `*` that it does not list."""

import json
import re
from pathlib import Path

import pytest
from infra_checks.policies import Policy, findings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_QUOTED = re.compile(r"\[[^\]]+\]\(([^)#:]+)\) `([^`]+)`")
_ROW = re.compile(r"^\| `(infra/[^`]+\.tf)` \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
_STAR = re.compile(r'(?:Resource|Principal|Action)\s*=\s*(?:\[?\s*"\*"|\{ AWS = "\*" \})')
_ACTION = re.compile(r"`([a-z0-9]+:[A-Za-z]+)`")


def section(title: str) -> str:
    """The text under a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def quotes() -> list[tuple[str, str]]:
    """Files of the checklist, each with what is said to stand in it."""
    return _QUOTED.findall(section("AWS Well-Architected, security pillar"))


def wildcards() -> list[tuple[str, str, str]]:
    """Rows of the tables of wildcards: file, what stands on `*`, why."""
    return _ROW.findall(section("What may be done with every resource"))


@pytest.mark.parametrize(("file", "text"), quotes())
def test_the_checklist_names_what_is_there(file: str, text: str) -> None:
    """The file exists, and holds the words."""
    assert text in (ROOT / "docs" / file).resolve().read_text(encoding="utf-8")


def test_the_checklist_answers_all_eleven_questions() -> None:
    """Each once, in order, by a file at least."""
    rows = [
        line for line in section("AWS Well-Architected, security pillar").splitlines() if line.startswith("| **SEC")
    ]
    assert [re.findall(r"\*\*SEC (\d+)\*\*", row) for row in rows] == [[str(number)] for number in range(1, 12)]
    assert all(_QUOTED.search(row) for row in rows)


def test_every_star_is_listed() -> None:
    """A file with a policy that names every resource, action or principal has its row, and a row its file."""
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "infra").rglob("*.tf")
        if _STAR.search(path.read_text(encoding="utf-8"))
    }
    assert {file for file, _, _ in wildcards()} == found


@pytest.mark.parametrize(("file", "told"), [(file, told) for file, told, _ in wildcards() if _ACTION.search(told)])
def test_what_is_allowed_on_every_resource_takes_none(file: str, told: str) -> None:
    """The listed actions stand in the file, and the judge of policies lets them be allowed on `*`."""
    actions = _ACTION.findall(told)
    source = (ROOT / file).read_text(encoding="utf-8")
    assert [action for action in actions if f'"{action}"' not in source] == []
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    assert findings(Policy(file, json.dumps({"Statement": [statement]}))) == []


def test_every_reason_is_given() -> None:
    """Two words at least."""
    assert [file for file, _, why in wildcards() if len(why.split()) < 2] == []
