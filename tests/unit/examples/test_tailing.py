from pathlib import Path

from tailing import Tail, is_text


def test_the_backlog_is_bounded_and_then_the_file_is_followed(tmp_path: Path) -> None:
    """First the last lines, then each complete line once."""
    file = tmp_path / "app.log"
    file.write_text("".join(f"line {n}\n" for n in range(10)) + "half")
    tail = Tail(file, backlog=3)
    assert tail.read() == ["line 7", "line 8", "line 9"]
    assert tail.take_skipped() == 0
    assert tail.read() == []
    with file.open("a") as appended:
        appended.write(" a line\n\n  \nnext\n")
    assert tail.read() == ["half a line", "next"]


def test_a_flood_is_skipped_and_counted(tmp_path: Path) -> None:
    """A file that grows faster than it may be sent is passed over, and it is said how much."""
    file = tmp_path / "app.log"
    file.write_text("first\n")
    tail = Tail(file, backlog=2)
    assert tail.read() == ["first"]
    with file.open("a") as appended:
        appended.write("a\nb\nc\nd\n")
    assert tail.read() == ["c", "d"]
    assert tail.take_skipped() == 2
    assert tail.take_skipped() == 0


def test_a_huge_file_is_read_from_near_its_end(tmp_path: Path) -> None:
    """Neither memory nor time grow with the file; the first line that is given is whole."""
    file = tmp_path / "big.log"
    file.write_text("".join(f"{n:09}\n" for n in range(100_000)))
    lines = Tail(file, backlog=50_000).read()
    assert lines[-1] == "000099999"
    assert len(lines) < 30_000
    assert all(len(line) == 9 for line in lines)


def test_truncation_and_rotation_begin_anew(tmp_path: Path) -> None:
    """A truncated file and a new file of the same name are read from their start."""
    file = tmp_path / "app.log"
    file.write_text("one\ntwo\n")
    tail = Tail(file, backlog=10)
    assert tail.read() == ["one", "two"]
    file.write_text("3\n")
    assert tail.read() == ["3"]
    file.rename(tmp_path / "app.log.1")
    assert tail.read() == []
    file.write_text("a line that is longer than the file before\n")
    assert tail.read() == ["a line that is longer than the file before"]


def test_text_is_told_from_what_is_not(tmp_path: Path) -> None:
    """Packed logs and binary records are left out."""
    (tmp_path / "wtmp").write_text("text")
    (tmp_path / "a.log.gz").write_text("text")
    (tmp_path / "b.log").write_bytes(b"\x00\x01")
    (tmp_path / "c.log").write_bytes("grüße\xff".encode("latin-1"))
    assert [is_text(tmp_path / name) for name in ("wtmp", "a.log.gz", "b.log", "c.log")] == [False, False, False, True]
