"""Index templates, as far as they can be judged without OpenSearch."""

import pytest

from indexer.documents import ALIASES, KINDS, Kind, index_name
from indexer.templates import IndexSettings, template


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_index_is_behind_its_alias(kind: Kind):
    """The template's pattern matches the names that documents get, and adds the alias."""
    body = template(kind, IndexSettings())
    [pattern] = body["index_patterns"]
    assert index_name(ALIASES[kind], 0, "x").startswith(pattern.rstrip("*"))
    assert list(body["template"]["aliases"]) == [ALIASES[kind]]


def test_patterns_do_not_overlap():
    """No index gets two templates."""
    prefixes = [template(kind, IndexSettings())["index_patterns"][0].rstrip("*") for kind in KINDS]
    assert not any(a != b and a.startswith(b) for a in prefixes for b in prefixes)


def test_the_operators_choices_are_in_the_template():
    """Shards, replicas and refresh come from the settings."""
    chosen = template("late", IndexSettings(3, "1-2", "5s", 50))["template"]["settings"]
    assert (chosen["index.number_of_shards"], chosen["index.auto_expand_replicas"]) == (3, "1-2")
    assert (chosen["index.refresh_interval"], chosen["index.mapping.total_fields.limit"]) == ("5s", 50)
