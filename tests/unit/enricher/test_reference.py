import os
from pathlib import Path

import pytest
from msgspec import Raw
from msgspec.json import decode

from enricher.reference import ReferenceInvalid, ReferenceSource, ReferenceTable, parse_sources, parse_table

CSV = b"merchant,category,risk\nalder-books,books,low\nember,electronics,medium\n"


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".csv", b'\xef\xbb\xbfmerchant,category\r\na,books\r\n7,"x, y"\r\n'),
        (".ndjson", b'{"merchant":"a","category":"books"}\n\n{"category":"x, y","merchant":7}\n'),
        (".json", b'[{"merchant":"a","category":"books"},{"category":"x, y","merchant":7}]'),
        (".json", b'{"a":{"category":"books"},"7":{"category":"x, y"}}'),
    ],
)
def test_formats_give_the_same_table(suffix: str, data: bytes) -> None:
    """CSV, NDJSON and both shapes of JSON are rows by key, without the key column."""
    table = parse_table(data, suffix, "merchant")
    assert {key: decode(row) for key, row in table.items()} == {
        "a": {"category": "books"},
        "7": {"category": "x, y"},
    }


@pytest.mark.parametrize(
    ("suffix", "data", "message"),
    [
        (".csv", b"shop,category\na,b\n", "no column 'merchant'"),
        (".csv", b"merchant,category\na\n", "row 1 has not as many cells"),
        (".csv", b"merchant,category\na,b,c\n", "row 1 has not as many cells"),
        (".csv", b"merchant,category\na,b\na,c\n", "row 2 repeats the key 'a'"),
        (".csv", b"merchant,category\n,b\n", "row 1 has no key"),
        (".csv", b"\xff", "does not parse"),
        (".csv", b"", "no column"),
        (".ndjson", b'{"merchant":"a"}\n{"merchant":true}', "row 2 has no key"),
        (".json", b'["a"]', "does not parse"),
        (".json", b"{", "does not parse"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(suffix: str, data: bytes, message: str) -> None:
    """The row and the mistake are named."""
    with pytest.raises(ReferenceInvalid, match=message):
        parse_table(data, suffix, "merchant")


def test_sources_are_read_as_written() -> None:
    """A source is a dotted field and a file; the last segment names it."""
    (source,) = parse_sources("order.merchant=/data/merchants.csv")
    assert (source.path, source.file, source.name) == (("order", "merchant"), Path("/data/merchants.csv"), "merchant")


@pytest.mark.parametrize("text", ["merchant", "merchant=", "merchant=x.xlsx", "a.m=x.csv,b.m=y.csv"])
def test_wrong_sources_are_refused(text: str) -> None:
    """A missing file name, an unknown format and two tables of one name are mistakes."""
    with pytest.raises(ValueError, match="reference"):
        parse_sources(text)


def table_over(file: Path, data: bytes = CSV) -> ReferenceTable:
    file.write_bytes(data)
    table = ReferenceTable(ReferenceSource(("merchant",), file))
    assert table.refresh()
    return table


def test_rows_are_found_by_the_payloads_field(tmp_path: Path) -> None:
    """A hit is the row; a value without a row is told apart from a payload without the field."""
    table = table_over(tmp_path / "m.csv")
    assert table.find({"merchant": "ember"}) == (True, Raw(b'{"category":"electronics","risk":"medium"}'))
    assert table.find({"merchant": "nobody"}) == (True, None)
    absent: list[object] = [{}, {"merchant": None}, {"merchant": ""}, {"merchant": True}, [], "text", None]
    for document in absent:
        assert table.find(document) == (False, None)


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    """A change is known by time, size or inode, so a replaced file counts too."""
    file = tmp_path / "m.csv"
    table = table_over(file)
    assert not table.refresh()
    replacement = tmp_path / "new.csv"
    replacement.write_bytes(CSV.replace(b"books,low", b"prose,low"))
    status = file.stat()
    os.utime(replacement, ns=(status.st_atime_ns, status.st_mtime_ns))
    replacement.rename(file)
    assert table.refresh()
    assert table.find({"merchant": "alder-books"}) == (True, Raw(b'{"category":"prose","risk":"low"}'))


def test_a_bad_version_leaves_the_rows_in_force(tmp_path: Path) -> None:
    """A broken or missing file is an error once a version, never an empty table; a good version takes over."""
    file = tmp_path / "m.csv"
    table = table_over(file)
    file.write_bytes(b"shop\nx\n")
    with pytest.raises(ReferenceInvalid, match=r"m\.csv: the header"):
        table.refresh()
    assert not table.refresh()
    file.unlink()
    with pytest.raises(ReferenceInvalid, match="No such file"):
        table.refresh()
    assert table.find({"merchant": "ember"})[1] is not None
    file.write_bytes(b"merchant,category\nnew,one\n")
    assert table.refresh()
    assert len(table) == 1
