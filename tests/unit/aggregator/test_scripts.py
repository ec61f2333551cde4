"""SQL files that change while they run."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from aggregator.duplicates import SeenEvents
from aggregator.pipelines import PipelinesInvalid
from aggregator.references import References
from aggregator.scripts import FolderScripts, Pipelines, S3Scripts, ScriptsUnreadable, scripts_at, version_of
from aggregator.state import State
from aggregator.testing import MemoryObjects
from aggregator.unit import Running
from shardline import Record, ShardLease
from streaming_sql import Engine, SqlError

TABLE = """CREATE TABLE events (`id` STRING, `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""


def counting(name: str, condition: str = "TRUE") -> str:
    """A script of one query, which counts events."""
    return f"""{TABLE}CREATE TABLE {name} (n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO {name} SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
WHERE {condition} GROUP BY window_start, window_end;"""


def names(pipelines: Pipelines) -> list[str]:
    return [query.query for query in pipelines.program.queries]


async def test_a_changed_folder_gives_a_new_program_once(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(counting("a"))
    pipelines = await Pipelines.load(scripts_at(str(tmp_path), None), References(None))
    first = pipelines.version
    assert await pipelines.changed() is None
    (tmp_path / "b.sql").write_text(counting("b"))
    assert await pipelines.changed() is pipelines.program
    assert (names(pipelines), await pipelines.changed()) == (["a", "b"], None)
    (tmp_path / "b.sql").unlink()
    assert await pipelines.changed() is not None
    assert (names(pipelines), pipelines.version) == (["a"], first)


async def test_what_is_wrong_leaves_the_former_program_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The next version that is right runs."""
    (tmp_path / "a.sql").write_text(counting("a"))
    pipelines = await Pipelines.load(FolderScripts(tmp_path), References(None))
    before = pipelines.program
    (tmp_path / "a.sql").write_text("SELECT oops")
    assert await pipelines.changed() is None
    assert await pipelines.changed() is None
    assert pipelines.is_refused
    (tmp_path / "a.sql").write_text(counting("a"))
    assert await pipelines.changed() is None
    assert not pipelines.is_refused
    (tmp_path / "a.sql").unlink()
    assert await pipelines.changed() is None
    assert pipelines.program is before
    (tmp_path / "a.sql").write_text(counting("better"))
    assert await pipelines.changed() is not None
    assert names(pipelines) == ["better"]


async def test_a_start_with_wrong_sql_says_where_it_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("DROP TABLE x")
    with pytest.raises(SqlError, match=r"a\.sql:1:"):
        await Pipelines.load(FolderScripts(tmp_path), References(None))
    (tmp_path / "a.sql").write_bytes(b"\xff")
    with pytest.raises(PipelinesInvalid, match="UTF-8"):
        await Pipelines.load(FolderScripts(tmp_path), References(None))
    with pytest.raises(PipelinesInvalid, match=r"no \.sql file"):
        await Pipelines.load(FolderScripts(tmp_path / "none"), References(None))


class Objects(MemoryObjects):
    """Counts what is read, and lists ETags and sizes."""

    reads = 0

    async def get_object(self, **place: Any) -> dict[str, Any]:
        self.reads += 1
        return await super().get_object(**place)

    async def list_objects_v2(self, **place: Any) -> dict[str, Any]:
        page = await super().list_objects_v2(**place)
        for item in page["Contents"]:
            data = self.objects[item["Key"]]
            item |= {"ETag": str(hash(data)), "Size": len(data)}
        return page


async def test_objects_are_read_only_when_they_have_changed() -> None:
    """All pages of the prefix, only .sql objects of it."""
    s3 = Objects(page_size=1)
    for name in ("a", "b"):
        s3.objects[f"sql/{name}.sql"] = counting(name).encode()
    s3.objects |= {"sql/notes.md": b"no SQL", "elsewhere/c.sql": counting("c").encode()}
    scripts = scripts_at("s3://bucket/sql/", s3)
    assert isinstance(scripts, S3Scripts)
    pipelines = await Pipelines.load(scripts, References(s3))
    assert (names(pipelines), s3.reads) == (["a", "b"], 2)
    assert await pipelines.changed() is None
    s3.objects["sql/b.sql"] = counting("b2").encode()
    assert await pipelines.changed() is not None
    assert (names(pipelines), s3.reads) == (["a", "b2"], 3)


async def test_a_place_that_does_not_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = Objects()
    s3.objects["a.sql"] = counting("a").encode()
    pipelines = await Pipelines.load(scripts_at("s3://bucket", s3), References(s3))

    async def fail(self: Objects, **_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://s3")

    monkeypatch.setattr(Objects, "list_objects_v2", fail)
    assert await pipelines.changed() is None
    with pytest.raises(ScriptsUnreadable, match="s3://bucket"):
        await scripts_at("s3://bucket", s3).read()


async def test_an_enormous_object_is_not_read() -> None:
    s3 = Objects()
    s3.objects["a.sql"] = b" " * ((1 << 20) + 1)
    with pytest.raises(PipelinesInvalid, match="at most"):
        await scripts_at("s3://bucket", s3).read()
    assert s3.reads == 0


def test_a_version_depends_on_names_and_texts_alone() -> None:
    assert version_of({"a": "x", "b": "y"}) == version_of({"b": "y", "a": "x"})
    assert len({version_of(texts) for texts in ({"a": "x"}, {"a": "y"}, {"b": "x"}, {"ax": ""}, {})}) == 5


async def test_queries_that_stay_keep_their_open_windows(tmp_path: Path) -> None:
    """The changed one begins anew, the removed one is gone, the added one counts from now on."""
    (tmp_path / "a.sql").write_text(counting("same"))
    (tmp_path / "b.sql").write_text(counting("changes"))
    (tmp_path / "c.sql").write_text(counting("goes"))
    pipelines = await Pipelines.load(FolderScripts(tmp_path), References(None))
    state, lease = State(Engine(pipelines.program), SeenEvents(0)), ShardLease("enriched", "0")
    state.begin_shard(lease)
    event = json.dumps({"id": "e", "time": 1}).encode()
    state.apply(lease, [Record("1", "k", event)])
    (tmp_path / "b.sql").write_text(counting("changes", "id <> 'x'"))
    (tmp_path / "c.sql").write_text(counting("comes"))
    program = await pipelines.changed()
    assert program is not None
    assert sorted(state.run(Running(program))) == ["changes", "goes"]
    state.apply(lease, [Record("2", "k", event)])
    state.engine.finish()
    assert {row.query: row.values["n"] for row in state.engine.advance()} == {"same": 2, "changes": 1, "comes": 1}
