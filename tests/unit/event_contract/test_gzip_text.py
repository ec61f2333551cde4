import gzip
import tracemalloc

import pytest

from event_contract import Rejected, gzip_text


def test_what_was_compressed_comes_back() -> None:
    """One member or several, as RFC 1952 allows, up to the bound and including it."""
    assert gzip_text.unpack(gzip.compress(b"text"), 4) == b"text"
    assert gzip_text.unpack(gzip.compress(b"te") + gzip.compress(b"") + gzip.compress(b"xt"), 4) == b"text"


def test_one_byte_too_many_is_refused() -> None:
    """The bound is of the whole, also where it is reached by several members."""
    for data in (gzip.compress(b"texts"), gzip.compress(b"text") + gzip.compress(b"s")):
        rejected = gzip_text.unpack(data, 4)
        assert isinstance(rejected, Rejected)
        assert rejected.code == "unpacked_too_large"


def test_a_bomb_is_never_unpacked() -> None:
    """256 MiB of zeros in 256 KiB take no more memory than the bound."""
    bomb = gzip.compress(bytes(256 * 1024 * 1024), 9)
    tracemalloc.start()
    try:
        rejected = gzip_text.unpack(bomb, 1024 * 1024)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(rejected, Rejected)
    assert rejected.code == "unpacked_too_large"
    assert peak < 3 * 1024 * 1024


def test_gzip_that_is_cut_or_changed_is_refused() -> None:
    """At every length, and with every byte of the body or checksum flipped: never text that was not sent."""
    whole = gzip.compress(b'{"messageType":"DATA_MESSAGE"}' * 4, mtime=0)
    for length in range(2, len(whole)):
        cut = gzip_text.unpack(whole[:length], 1000)
        assert isinstance(cut, Rejected)
        assert cut.code == "corrupt_gzip"
    for place in range(10, len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        assert isinstance(gzip_text.unpack(changed, 1000), Rejected)


@pytest.mark.parametrize("after", [b"\x00", b"garbage", b"\x1f\x8b"])
def test_bytes_after_the_end_are_refused(after: bytes) -> None:
    """They would be lost in silence."""
    rejected = gzip_text.unpack(gzip.compress(b"text") + after, 1000)
    assert isinstance(rejected, Rejected)
    assert rejected.code == "corrupt_gzip"
