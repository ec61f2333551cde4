import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from local_aws.opensearch_jars import Jar, JarsUnavailable, is_intact, jars_in, locked_jars, parse_lock
from local_aws.progress import Silent

CONTENTS = {"a-1.jar": b"jar a", "b-2.jar": b"jar b, larger"}
JARS = [Jar("org", name[0], name[2], len(data), hashlib.sha256(data).hexdigest()) for name, data in CONTENTS.items()]


class Maven:
    """A repository; `damaged` jars come wrong so many times, `asked` counts the downloads."""

    def __init__(self, **damaged: int) -> None:
        self.damaged = damaged
        self.asked: list[str] = []

    def fetch(self, jar: Jar, scratch: Path, count: Callable[[int], None]) -> Path:
        self.asked.append(jar.artifact)
        data = CONTENTS[jar.filename]
        if self.damaged.get(jar.artifact, 0) > 0:
            self.damaged[jar.artifact] -= 1
            data = data.upper()
        count(len(data))
        path = scratch / "download"
        path.write_bytes(data)
        return path


def test_the_lock_names_every_jar_once_with_size_and_hash() -> None:
    """What this package runs is pinned: over a hundred jars, each with a full SHA-256."""
    jars = locked_jars()
    assert len({jar.filename for jar in jars}) == len(jars) > 100
    assert all(len(jar.sha256) == 64 and jar.bytes > 0 for jar in jars)
    assert any(jar.filename == "opensearch-3.8.0.jar" for jar in jars)


def test_a_lock_is_read_without_its_remarks() -> None:
    """A line is sha256, bytes, coordinate."""
    assert parse_lock("# remark\n\nab 12 org.x:y:3\n") == (Jar("org.x", "y", "3", 12, "ab"),)


async def test_missing_jars_are_fetched_and_the_rest_left(tmp_path: Path) -> None:
    """A second start downloads nothing."""
    maven = Maven()
    paths = await jars_in(tmp_path, JARS, Silent(), maven.fetch)
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert sorted(maven.asked) == ["a", "b"]
    await jars_in(tmp_path, JARS, Silent(), maven.fetch)
    assert len(maven.asked) == 2


async def test_a_damaged_jar_is_replaced(tmp_path: Path) -> None:
    """One changed byte is noticed at the next start, though the size is the same."""
    maven = Maven()
    await jars_in(tmp_path, JARS, Silent(), maven.fetch)
    (tmp_path / "a-1.jar").write_bytes(b"jar A")
    assert not is_intact(tmp_path / "a-1.jar", JARS[0])
    await jars_in(tmp_path, JARS, Silent(), maven.fetch)
    assert is_intact(tmp_path / "a-1.jar", JARS[0])


async def test_a_download_that_does_not_match_is_tried_again(tmp_path: Path) -> None:
    """A transfer that went wrong is not used."""
    maven = Maven(a=2)
    paths = await jars_in(tmp_path, JARS, Silent(), maven.fetch)
    assert paths[0].read_bytes() == b"jar a"
    assert maven.asked.count("a") == 3


async def test_a_jar_that_never_matches_is_refused(tmp_path: Path) -> None:
    """Something else under the jar's name never gets into the folder."""
    with pytest.raises(JarsUnavailable, match=r"org:a:1 could not be fetched: .*pinned SHA-256"):
        await jars_in(tmp_path, JARS, Silent(), Maven(a=99).fetch)
    assert not (tmp_path / "a-1.jar").exists()


async def test_progress_counts_jars_and_bytes(tmp_path: Path) -> None:
    """A person sees how much of how much has come."""
    told: list[tuple[float | None, float | None]] = []

    class Progress(Silent):
        def updated(self, step: str, detail: str, amount: float | None = None, total: float | None = None) -> None:
            told.append((amount, total))

    await jars_in(tmp_path, JARS, Progress(), Maven().fetch)
    size = sum(map(len, CONTENTS.values()))
    assert told[-1] == (size, size)
