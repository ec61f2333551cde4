"""Reference tables: read from disk or S3, met by the records that come after."""

import json
from pathlib import Path
from typing import Any

import pytest

from aggregator.duplicates import SeenEvents
from aggregator.pipelines import load_pipelines
from aggregator.references import References, ReferenceUnreadable, paths_of
from aggregator.scripts import FolderScripts, Pipelines
from aggregator.state import State, decode_state
from shardline import Record, ShardLease
from streaming_sql import Engine

LEASE = ShardLease("enriched", "0")


def script(path: str) -> str:
    """Countries of pages, looked up."""
    return f"""CREATE TABLE events (`id` STRING, `time` BIGINT, page STRING, proc AS PROCTIME(),
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE pages (page STRING, owner STRING, PRIMARY KEY (page) NOT ENFORCED)
WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json');
CREATE TABLE owned (id STRING, owner STRING) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO owned SELECT e.id, p.owner FROM events e LEFT JOIN pages FOR SYSTEM_TIME AS OF e.proc AS p
ON e.page = p.page;"""


def pages(**owners: str) -> bytes:
    return b"\n".join(json.dumps({"page": page, "owner": owner}).encode() for page, owner in owners.items())


def owner_of(state: State, number: int) -> Any:
    data = json.dumps({"id": f"e{number}", "time": number, "page": "a"}).encode()
    state.apply(LEASE, [Record(str(number), "k", data)])
    (row,) = state.engine.advance()
    return row.values["owner"]


async def test_records_meet_the_newest_version_and_a_restart_meets_it_too(tmp_path: Path) -> None:
    """The state names the version, and has not its rows."""
    file = tmp_path / "pages.json"
    file.write_bytes(pages(a="ann"))
    program = load_pipelines({"q.sql": script(f"file://{file}")})
    references = References(None)
    await references.load(program)
    state = State(Engine(program), SeenEvents(0))
    references.after_restart(state.engine)
    state.begin_shard(LEASE)
    assert owner_of(state, 1) == "ann"
    file.write_bytes(pages(a="bob", b="eve"))
    await references.load(program)
    assert owner_of(state, 2) == "ann", "not before it is given"
    references.give(state.engine)
    assert owner_of(state, 3) == "bob"
    restored, _ = decode_state([state.capture().encode()], program, SeenEvents(0))
    references.after_restart(restored.engine)
    assert owner_of(restored, 4) == "bob"


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """At the start; later the former rows stay, and SQL that needs it is refused."""
    missing = tmp_path / "none.json"
    program = load_pipelines({"q.sql": script(str(missing))})
    with pytest.raises(ReferenceUnreadable, match=r"reference table pages: .*none\.json"):
        await References(None).load(program)
    missing.write_bytes(pages(a="ann"))
    (tmp_path / "q.sql").write_text(script(str(missing)))
    pipelines = await Pipelines.load(FolderScripts(tmp_path), References(None))
    missing.unlink()
    await pipelines.refresh_references()
    engine = Engine(pipelines.program)
    pipelines.references.give(engine)
    assert engine.references["pages"]
    (tmp_path / "q.sql").write_text(script(str(tmp_path / "elsewhere.json")))
    assert await pipelines.changed() is None
    assert pipelines.is_refused
    assert paths_of(pipelines.program) == {"pages": str(missing)}


class Objects:
    """One object of S3, which counts how often it is read."""

    def __init__(self, data: bytes) -> None:
        self.data, self.reads = data, 0

    async def head_object(self, **place: str) -> dict[str, Any]:
        assert place == {"Bucket": "bucket", "Key": "some/pages.json"}
        return {"ETag": str(hash(self.data)), "ContentLength": len(self.data)}

    async def get_object(self, **place: str) -> dict[str, Any]:
        self.reads += 1
        return {**await self.head_object(**place), "Body": _Body(self.data)}


class _Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aenter__(self) -> "_Body":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def read(self) -> bytes:
        return self._data


async def test_an_object_is_read_again_only_when_it_has_changed() -> None:
    s3 = Objects(pages(a="ann"))
    program = load_pipelines({"q.sql": script("s3://bucket/some/pages.json")})
    references = References(s3)
    await references.load(program)
    await references.load(program)
    assert s3.reads == 1
    s3.data = pages(a="bob")
    await references.load(program)
    assert s3.reads == 2


async def test_a_file_beyond_memory_is_refused(tmp_path: Path) -> None:
    """Before it is read: a sparse file of 65 MiB."""
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(ReferenceUnreadable, match="at most"):
        await References(None).load(load_pipelines({"q.sql": script(str(large))}))
