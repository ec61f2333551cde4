import pytest

from enricher.quality import QualityRules, clock_flags, in_order, missing_flags, parse_required

RULES = QualityRules(ahead_milliseconds=100, behind_milliseconds=1000, required=parse_required("t:a, t:b.c"))


@pytest.mark.parametrize(
    ("time", "flags"),
    [(5000, []), (5100, []), (5101, ["clock_ahead"]), (4000, []), (3999, ["arrived_late"])],
)
def test_clock_flags_compare_with_the_arrival(time: int, flags: list[str]) -> None:
    """The bounds themselves are fine; what lies beyond is flagged."""
    assert clock_flags(time, 5000, RULES) == flags


def test_missing_fields_are_named_for_the_type_that_needs_them() -> None:
    """Null is missing, zero and false are not."""
    assert missing_flags("t", {"a": None, "b": {}}, RULES) == ["missing:a", "missing:b.c"]
    assert missing_flags("t", {"a": 0, "b": {"c": False}}, RULES) == []
    assert missing_flags("t", "no object", RULES) == ["missing:a", "missing:b.c"]
    assert missing_flags("other", {}, RULES) == []


@pytest.mark.parametrize("text", ["a", ":a", "t:", "t:a..b"])
def test_wrong_requirements_are_refused(text: str) -> None:
    """The entry is quoted with the form that it should have."""
    with pytest.raises(ValueError, match="is not a"):
        parse_required(text)


def test_flags_are_sorted_and_unique() -> None:
    """Equal events are equal bytes."""
    assert in_order(["b", "a", "b"]) == ("a", "b")
