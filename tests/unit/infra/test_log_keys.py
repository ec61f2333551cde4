"""Log groups are encrypted by the key that lets CloudWatch Logs in: by another one AWS refuses to make them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

INFRA = Path(__file__).parents[3] / "infra"


def blocks(text: str, opening: str) -> Iterator[re.Match[str]]:
    """The outermost blocks that begin so, each up to the brace at a line's begin that ends it."""
    return re.finditer(opening + r" \{\n(?P<body>.*?)^\}$", text, flags=re.DOTALL | re.MULTILINE)


def key_arguments(module: Path) -> set[str]:
    """The module's inputs that its log groups are encrypted with."""
    texts = [path.read_text() for path in module.glob("*.tf")]
    groups = [group for text in texts for group in blocks(text, r'resource "aws_cloudwatch_log_group" "\w+"')]
    return {argument for group in groups for argument in re.findall(r"kms_key_id += var\.(\w+)", group["body"])}


def calls() -> list[tuple[str, str, str]]:
    """Each module that the root composes and that makes log groups: its name, its call, and the input for their key."""
    found = []
    for path in sorted(INFRA.glob("*.tf")):
        for call in blocks(path.read_text(), r'module "(?P<name>\w+)"'):
            (source,) = re.findall(r'source += "\./(modules/\w+)"', call["body"])
            found += [(call["name"], call["body"], argument) for argument in sorted(key_arguments(INFRA / source))]
    return found


CALLS = calls()


@pytest.mark.parametrize(("name", "call", "argument"), CALLS, ids=[name for name, _, _ in CALLS])
def test_log_groups_have_the_key_of_logs(name: str, call: str, argument: str) -> None:
    """Its policy alone lets logs.REGION.amazonaws.com in."""
    assert re.search(rf"^  {argument} += local\.keys\.logs$", call, flags=re.MULTILINE), f"module {name}: {argument}"


def test_the_modules_with_logs_are_looked_at() -> None:
    """Services, functions and streams all log."""
    assert {name for name, _, _ in CALLS} >= {
        "cluster",
        "delivery",
        "functions",
        "ingest",
        "monitoring",
        "network",
        "reshard",
        "service",
    }
