"""Settings, variables, metrics, alarms and files that the pages name are there."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from documented_commands import blocks, spans

from etl_cli.settings_page import page as settings_page

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "infra" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "diagrams").glob("*.md")),
]
_IDS = [str(page.relative_to(ROOT)) for page in PAGES]
_VARIABLE = re.compile(r"(?<![A-Za-z0-9_{}$*<>…-])[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9](?![A-Za-z0-9_*…])")
_METRIC = re.compile(r"\betl_[a-z0-9_]+\b")
_PLACES = {
    *("cli", "diagrams", "docs", "examples", "flink", "functions", "infra", "libs", "monitoring", "requirements"),
    *("scripts", "services", "tests"),
}
# Of AWS's own SQL, to compare with.
_FOREIGN = {
    *("APPROXIMATE_ARRIVAL_TIME", "COUNT_DISTINCT_ITEMS_TUMBLING", "RANDOM_CUT_FOREST", "TOP_K_ITEMS_TUMBLING"),
}
# Where a page gives a name that is the reader's, or what a command makes.
_MADE = re.compile(r"\.plan$|^infra/environments/(dev|prod)/|^tests/oracle/\.|…|[*<>{}$]|[A-Z]{4}")


@cache
def sources() -> str:
    """All text that Git knows but Markdown: what defines a name."""
    kinds = [
        "*.py",
        "*.tf",
        "*.tfvars",
        "*.yml",
        "*.yaml",
        "*.json",
        "*.sh",
        "Makefile",
        "*Dockerfile",
        "*.java",
        "*.env",
    ]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *kinds],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    files = [ROOT / name for name in listed if not name.startswith("tests/unit/docs/")]
    return "\n".join(file.read_text(errors="replace") for file in files if file.is_file())


@cache
def settings() -> str:
    """Every setting's name, the common ones with each service's prefix."""
    text = settings_page()
    prefixes = [f"{service}_" for service in ("INGEST", "ENRICHER", "AGGREGATOR", "INDEXER", "CONSOLE")]
    return text + "\n".join(text.replace("<SERVICE>_", prefix) for prefix in prefixes)


@cache
def words_of_settings() -> frozenset[str]:
    return _words(settings())


@cache
def words_of_sources() -> frozenset[str]:
    return _words(sources()) | words_of_settings()


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[A-Za-z0-9_]+", text))


def shown(page: Path) -> str:
    """What a page shows as code: spans, and blocks of commands."""
    text = page.read_text()
    return "\n".join([*spans(text), *(block for _, block in blocks(text))])


@pytest.mark.parametrize("page", PAGES, ids=_IDS)
def test_each_variable_that_a_page_names_is_one(page: Path) -> None:
    """Settings of a service by its class; any other is read, or set, by some file of the project or the page."""
    text = shown(page)
    own = set(re.findall(r"^(?:export )?([A-Z][A-Z0-9_]*)=", text, flags=re.MULTILINE))
    named = set(_VARIABLE.findall(text)) - own
    prefixed = {name for name in named if re.match(r"(INGEST|ENRICHER|AGGREGATOR|INDEXER|CONSOLE|METRICS_EMF)_", name)}
    unknown = {name for name in prefixed if name not in words_of_settings() and f"${{{name}" not in sources()}
    unknown |= {name for name in named - prefixed if name not in words_of_sources()}
    assert not unknown - _FOREIGN


@pytest.mark.parametrize("page", PAGES, ids=_IDS)
def test_each_metric_that_a_page_names_is_told(page: Path) -> None:
    """By its name, or by that which Prometheus gives a counter."""
    named = {
        name for span in spans(page.read_text()) for name in _METRIC.findall(span) if not span.startswith("etl_cli")
    }
    known = words_of_sources()
    told = {name for name in named if name in known or name.removesuffix("_total") in known}
    beginnings = {name for name in named - told if name.endswith("_") and any(each.startswith(name) for each in known)}
    assert not named - told - beginnings


@pytest.mark.parametrize("page", PAGES, ids=_IDS)
def test_each_file_that_a_page_names_is_there(page: Path) -> None:
    """Paths in code, from the project's root or the page; links are another test's."""
    named = {
        word.rstrip(".,:;)").split(":")[0].split("#")[0]
        for word in re.findall(r"(?<![\w./$-])[\w.-]+/[\w./{},*<>$…-]+", shown(page))
        if word.split("/")[0] in _PLACES
    }
    missing = {name for name in named if not (ROOT / name).exists() and not (page.parent / name).exists()}
    assert not {name for name in missing if not _MADE.search(name)}


def test_a_name_that_is_not_there_is_found() -> None:
    """So the tests above can fail."""
    assert "INDEXER_BULK_BITES" not in words_of_settings()
    assert "INDEXER_BULK_BYTES" in words_of_settings()
    assert "ENRICHER_DRAIN_SECONDS" in words_of_settings()
    assert _VARIABLE.findall("set `INDEXER_BULK_BITES=1`, `*_DRAIN_SECONDS`") == ["INDEXER_BULK_BITES"]
