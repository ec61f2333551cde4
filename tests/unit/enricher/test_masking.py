import pytest
from msgspec import Raw
from msgspec.json import decode

from enricher.masking import REDACTED, Masked, Masking, last4, parse_rules, truncate_address
from event_contract import Rejected

SECRET = b"sixteen bytes or more"


def mask(rules: str, payload: bytes, event_type: str = "transaction", secret: bytes = SECRET) -> Masked:
    masked = Masking(parse_rules(rules), secret).apply(event_type, Raw(payload))
    assert isinstance(masked, Masked)
    return masked


def test_rules_are_read_as_written() -> None:
    """Entries are separated by commas, spaces do not matter, paths are dotted."""
    first, second = parse_rules("transaction:card=hash, *:user.password=redact,")
    assert (first.event_type, first.path, first.strategy) == ("transaction", ("card",), "hash")
    assert (second.event_type, second.path, second.strategy) == ("*", ("user", "password"), "redact")


@pytest.mark.parametrize("text", ["card=hash", "transaction:card", "transaction:card=burn", "t:=hash", ":card=hash"])
def test_a_wrong_rule_is_named(text: str) -> None:
    """The error quotes the entry that is wrong."""
    with pytest.raises(ValueError, match=r"is not a"):
        parse_rules(f"a:b=redact,{text}")


def test_hashing_without_a_secret_is_refused() -> None:
    """Sixteen digits are guessed from a plain hash in no time."""
    with pytest.raises(ValueError, match="secret"):
        Masking(parse_rules("transaction:card=hash"), b"")


def test_equal_values_hash_alike_across_types_and_spellings() -> None:
    """A join over the hashed field works: escapes and number-or-string do not matter, the secret does."""
    rules = "*:card=hash"
    hashed = {
        decode(mask(rules, payload).payload)["card"]
        for payload in (b'{"card":"4111"}', b'{"card":"\\u0034111"}', b'{"card": 4111}')
    }
    assert len(hashed) == 1
    assert hashed != {decode(mask(rules, b'{"card":"4111"}', secret=b"another secret").payload)["card"]}
    assert len(hashed.pop()) == 32


def test_only_the_masked_value_changes() -> None:
    """Numbers keep their digits, members their order, other objects their very bytes."""
    payload = b'{"amount":12.340,"big":123456789012345678901234567890,"card":"4111111111111111","x":{"y": [1, 2]}}'
    masked = mask("transaction:card=last4", payload)
    assert bytes(masked.payload) == payload.replace(b"4111111111111111", b"****1111")
    assert masked.fields == ("card",)
    assert masked.hidden == {"4111111111111111"}


def test_an_event_without_the_field_keeps_its_payload() -> None:
    """No copy and no change where no rule matches."""
    payload = Raw(b' {"amount": 1}')
    masking = Masking(parse_rules("transaction:card=redact"), SECRET)
    for event_type in ("transaction", "page_view"):
        masked = masking.apply(event_type, payload)
        assert isinstance(masked, Masked)
        assert masked.payload is payload
        assert masked.fields == ()


def test_nested_dotted_and_repeated_members() -> None:
    """A path enters objects and the objects of arrays, and matches a member whose own name has the dots."""
    payload = b'{"user":{"email":"a@x.org"},"user.email":"b@x.org","lines":[{"card":"11112222"},{"card":"33334444"},7]}'
    masked = mask("transaction:user.email=redact,transaction:lines.card=last4", payload)
    assert decode(masked.payload) == {
        "user": {"email": REDACTED},
        "user.email": REDACTED,
        "lines": [{"card": "****2222"}, {"card": "****4444"}, 7],
    }
    assert masked.fields == ("lines.card", "user.email")


@pytest.mark.parametrize(
    "payload",
    [
        b'{"card":"4111111111111111","card":null}',
        b'{"card":"4111111111111111","card":"other"}',
        b'{"a":{"card":"4111111111111111"},"a":5}',
    ],
)
def test_a_member_sent_twice_leaks_neither_value(payload: bytes) -> None:
    """JSON readers differ on which of two equal names wins, so only the masked one stays."""
    masked = mask("transaction:card=redact,transaction:a.card=redact", payload)
    assert b"4111" not in bytes(masked.payload)


def test_the_most_precise_rule_decides() -> None:
    """An exact type beats a prefix, a longer prefix beats a shorter one."""
    rules = "*:f=redact,cdc.*:f=truncate,cdc.orders:f=last4"
    payload = b'{"f":"198.51.100.77"}'
    assert b"****0.77" in bytes(mask(rules, payload, "cdc.orders").payload)
    assert b"198.51.100.0" in bytes(mask(rules, payload, "cdc.customers").payload)
    assert REDACTED.encode() in bytes(mask(rules, payload, "log").payload)


def test_null_stays_and_containers_are_redacted() -> None:
    """Null hides nothing; an object under a masked name goes as a whole, an array element by element."""
    assert mask("*:f=hash", b'{"f":null}').payload == Raw(b'{"f":null}')
    assert decode(mask("*:f=last4", b'{"f":{"secret":1}}').payload) == {"f": REDACTED}
    assert decode(mask("*:f=last4", b'{"f":["11112222",{"a":1}]}').payload) == {"f": ["****2222", REDACTED]}
    assert decode(mask("*:f=redact", b'{"f":["a","b"]}').payload) == {"f": REDACTED}


@pytest.mark.parametrize(
    ("address", "truncated"),
    [
        ("203.0.113.255", "203.0.113.0"),
        ("2001:db8:1:ffff:3:4:5:6", "2001:db8:1::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("not an address", REDACTED),
        ("203.0.113.77:443", REDACTED),
    ],
)
def test_truncation(address: str, truncated: str) -> None:
    """IPv4 keeps 24 bits, IPv6 48; what is no address does not slip through."""
    assert truncate_address(address) == truncated


@pytest.mark.parametrize(("text", "shown"), [("12345678", "****5678"), ("1234567", "****"), ("", "****")])
def test_last4_tells_nothing_of_short_texts(text: str, shown: str) -> None:
    """Four of seven characters would be most of the secret."""
    assert last4(text) == shown


@pytest.mark.parametrize("payload", [b'{"card":"\xff"}', b'{"card":', b'{"\\ud800":1,"card":"4111111111111111"}'])
def test_an_unreadable_payload_of_a_masked_type_is_rejected(payload: bytes) -> None:
    """It must not pass in clear; of other types it is none of masking's business."""
    masking = Masking(parse_rules("transaction:card=redact"), SECRET)
    rejected = masking.apply("transaction", Raw(payload))
    assert isinstance(rejected, Rejected)
    assert rejected.code == "unmaskable"
    assert isinstance(masking.apply("page_view", Raw(payload)), Masked)


def test_deep_nesting_is_rejected_not_fatal() -> None:
    """A payload nested beyond the stack is a value, not a crash."""
    payload = b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    rejected = Masking(parse_rules("transaction:a.card=redact"), SECRET).apply("transaction", Raw(payload))
    assert isinstance(rejected, Rejected)
