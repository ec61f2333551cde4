"""A copy in a folder: a manifest, a file of lines a table, a file an object of the state."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from etl_cli.state.items import Item, from_line, object_keys, to_line
from etl_cli.state.tables import Shape, StateError, read_all, read_objects, shape_of

MANIFEST: Final = "manifest.json"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class TableCopy:
    """One table in a copy."""

    name: str
    file: str
    items: int
    sha256: str
    key_schema: list[dict[str, str]]
    attributes: list[dict[str, str]]

    @property
    def shape(self) -> Shape:
        """What it is keyed by."""
        return Shape(self.key_schema, self.attributes)


@dataclass(frozen=True, slots=True)
class ObjectCopy:
    """One object in a copy."""

    bucket: str
    key: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Copy:
    """What a folder holds; `made_at` is in seconds since the epoch."""

    made_at: float
    tables: list[TableCopy]
    objects: list[ObjectCopy]


async def save(dynamodb: Any, s3: Any, tables: Sequence[str], bucket: str | None, folder: Path, now: float) -> Copy:
    """Copy tables, and the objects that states in them name in `bucket`, into a new folder.

    The manifest is written last: a folder without one is no copy. Raises StateError.
    """
    if (folder / MANIFEST).exists():
        raise StateError(f"{folder} holds a copy already: name another folder")
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    copies: list[TableCopy] = []
    keys: list[str] = []
    for name in tables:
        items = sorted(await read_all(dynamodb, name), key=to_line)
        shape = await shape_of(dynamodb, name)
        assert shape is not None  # it was read
        data = "".join(f"{to_line(item)}\n" for item in items).encode()
        file = f"tables/{name}.jsonl"
        (folder / file).write_bytes(data)
        copies.append(TableCopy(name, file, len(items), _hash(data), shape.key_schema, shape.attributes))
        keys += object_keys(items)
    copy = Copy(now, copies, await _save_objects(s3, bucket, sorted(set(keys)), folder))
    (folder / MANIFEST).write_text(json.dumps({"version": _VERSION, **asdict(copy)}, indent=1) + "\n")
    return copy


async def _save_objects(s3: Any, bucket: str | None, keys: Sequence[str], folder: Path) -> list[ObjectCopy]:
    if keys and bucket is None:
        raise StateError("a table names states in S3: give their bucket with --bucket (AGGREGATOR_STATE_BUCKET)")
    if not keys or bucket is None:
        return []
    (folder / "objects").mkdir(exist_ok=True)
    objects: list[ObjectCopy] = []
    async for key, data in read_objects(s3, bucket, keys):
        file = f"objects/{len(objects):06d}"
        (folder / file).write_bytes(data)
        objects.append(ObjectCopy(bucket, key, file, _hash(data)))
    return objects


def open_copy(folder: Path) -> Copy:
    """The copy in a folder, every file checked against its hash. Raises StateError."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except FileNotFoundError:
        raise StateError(f"{folder} has no {MANIFEST}: it is no copy, or one that was not finished") from None
    if manifest.get("version") != _VERSION:
        raise StateError(f"{folder} is of version {manifest.get('version')}, this command reads {_VERSION}")
    copy = Copy(
        manifest["made_at"],
        [TableCopy(**table) for table in manifest["tables"]],
        [ObjectCopy(**each) for each in manifest["objects"]],
    )
    hashes = {table.file: table.sha256 for table in copy.tables} | {each.file: each.sha256 for each in copy.objects}
    for file, sha256 in hashes.items():
        if _hash((folder / file).read_bytes()) != sha256:
            raise StateError(f"{folder / file} is not what was saved: take another copy")
    return copy


def items_of(folder: Path, table: TableCopy) -> list[Item]:
    """The items of a table in a copy."""
    return [from_line(line) for line in (folder / table.file).read_text().splitlines()]


def renamed(copy: Copy, names: Mapping[str, str]) -> list[tuple[str, TableCopy]]:
    """The copy's tables with the names they go to. Raises StateError for a name that the copy has not."""
    unknown = sorted(set(names) - {table.name for table in copy.tables})
    if unknown:
        raise StateError(f"the copy has no table {', '.join(unknown)}: it has {', '.join(t.name for t in copy.tables)}")
    return [(names.get(table.name, table.name), table) for table in copy.tables]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
