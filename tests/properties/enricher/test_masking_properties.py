from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.json import decode, encode

from enricher.masking import Masked, Masking, parse_rules

SECRET_VALUE = "4929-4929-4929-4929"
NAMES = st.sampled_from(["card", "user", "user.card", "a", "b"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5)
LEAVES = SCALARS | st.just(SECRET_VALUE)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
RULES = "t:card=redact,t:user.card=hash,t:a.b.card=last4,t:b=truncate"


def scrubbed(value: Any, paths: tuple[tuple[str, ...], ...]) -> Any:
    """The document without the values at the paths: an own, naive reading of what the rules cover."""
    if isinstance(value, list):
        return [scrubbed(element, paths) for element in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, member in value.items():
        parts = tuple(name.split("."))
        below = tuple(path[len(parts) :] for path in paths if path[: len(parts)] == parts)
        kept[name] = "masked" if () in below else scrubbed(member, below)
    return kept


PATHS = (("card",), ("user", "card"), ("a", "b", "card"), ("b",))


@given(DOCUMENTS)
def test_only_what_the_rules_cover_changes(document: object) -> None:
    """Outside the covered paths the document is equal to what was sent."""
    masked = Masking(parse_rules(RULES), b"secret").apply("t", Raw(encode(document)))
    assert isinstance(masked, Masked)
    assert scrubbed(decode(masked.payload), PATHS) == scrubbed(document, PATHS)


@given(DOCUMENTS)
def test_nothing_covered_is_left_in_clear(document: object) -> None:
    """A secret at a covered path is nowhere in the bytes, unless it also stands at a path that no rule names."""
    masked = Masking(parse_rules(RULES), b"secret").apply("t", Raw(encode(document)))
    assert isinstance(masked, Masked)
    if SECRET_VALUE not in encode(scrubbed(document, PATHS)).decode():
        assert SECRET_VALUE.encode() not in bytes(masked.payload)


@given(DOCUMENTS)
def test_other_types_pass_untouched(document: object) -> None:
    """Without a rule for the type, the payload is the same object."""
    payload = Raw(encode(document))
    masked = Masking(parse_rules(RULES), b"secret").apply("u", payload)
    assert isinstance(masked, Masked)
    assert masked.payload is payload


@given(st.binary(max_size=60))
def test_masking_is_total_on_any_bytes(data: bytes) -> None:
    """Bytes that are no JSON are rejected or left alone, never an exception."""
    Masking(parse_rules(RULES), b"secret").apply("t", Raw(data))
