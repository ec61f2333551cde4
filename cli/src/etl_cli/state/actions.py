"""What the commands do: copy, put back, and go back to a moment."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from etl_cli.state import copies
from etl_cli.state.items import Item, going_on, object_keys, renewed
from etl_cli.state.tables import StateError, bring_back, create, read_all, replace_all, shape_of

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where tables and objects are, and how what is done is told. `now` gives seconds since the epoch."""

    dynamodb: Any
    s3: Any
    tell: Tell
    now: Callable[[], float]


@asynccontextmanager
async def at(region: str, tell: Tell, now: Callable[[], float]) -> AsyncIterator[Place]:
    """The account that the environment names, as for every AWS SDK. Translates what AWS refuses into StateError."""
    session = get_session()
    try:
        async with (
            session.create_client("dynamodb", region_name=region) as dynamodb,
            session.create_client("s3", region_name=region) as s3,
        ):
            yield Place(dynamodb, s3, tell, now)
    except (ClientError, BotoCoreError) as error:
        raise StateError(f"AWS refused: {error}") from error


async def save(place: Place, tables: Sequence[str], bucket: str | None, folder: Path) -> None:
    """Copy tables and the objects that they name into a folder."""
    copy = await copies.save(place.dynamodb, place.s3, tables, bucket, folder, place.now())
    for table in copy.tables:
        place.tell(f"{table.name}: {table.items} items")
    place.tell(f"{len(copy.objects)} objects of states")


async def load(place: Place, folder: Path, names: Mapping[str, str], settle_seconds: float) -> None:
    """Put a copy back, objects first, into tables that nobody works with; those that are missing are made."""
    copy = await asyncio.to_thread(copies.open_copy, folder)
    targets = copies.renamed(copy, names)
    shapes = {name: await shape_of(place.dynamodb, name) for name, _ in targets}
    await _must_stand_still(place, [name for name, shape in shapes.items() if shape], settle_seconds)
    for each in copy.objects:
        body = (folder / each.file).read_bytes()
        await place.s3.put_object(Bucket=each.bucket, Key=each.key, Body=body)
    place.tell(f"{len(copy.objects)} objects of states put back")
    for name, table in targets:
        if shapes[name] is None:
            await create(place.dynamodb, name, table.shape)
        await _replace(place, name, copies.items_of(folder, table))


async def rewind(
    place: Place, tables: Sequence[str], moment: datetime | None, bucket: str | None, settle_seconds: float, keep: bool
) -> None:
    """Have tables hold what they held at a moment (None: the latest there is), by point-in-time recovery."""
    await _must_stand_still(place, tables, settle_seconds)
    stamp = f"{int(place.now())}"
    restored = {name: f"{name}-restored-{stamp}" for name in tables}
    when: dict[str, Any] = {"RestoreDateTime": moment} if moment else {"UseLatestRestorableTime": True}
    for name, target in restored.items():
        await place.dynamodb.restore_table_to_point_in_time(SourceTableName=name, TargetTableName=target, **when)
        place.tell(f"{name}: recovering into {target}")
    for name, target in restored.items():
        await _until_active(place, target)
        await adopt(place, target, name, bucket, 0)
        if not keep:
            await place.dynamodb.delete_table(TableName=target)


async def adopt(place: Place, source: str, table: str, bucket: str | None, settle_seconds: float) -> None:
    """Have a table hold what another does, such as one that AWS Backup restored, and its states' objects be there."""
    await _must_stand_still(place, [table], settle_seconds)
    items = await read_all(place.dynamodb, source)
    keys = object_keys(items)
    if keys and bucket is None:
        raise StateError("the table names states in S3: give their bucket with --bucket (AGGREGATOR_STATE_BUCKET)")
    brought = [await bring_back(place.s3, bucket, key) for key in keys] if bucket else []
    if keys:
        place.tell(f"{sum(brought)} of {len(keys)} objects of states brought back")
    await _replace(place, table, items)


async def _replace(place: Place, table: str, items: Sequence[Item]) -> None:
    shape = await shape_of(place.dynamodb, table)
    if shape is None:
        raise StateError(f"there is no table {table}: make it first (terraform apply)")
    ready = going_on(items, place.now())
    await replace_all(place.dynamodb, table, shape, ready)
    place.tell(f"{table}: {len(ready)} items put back")


async def _must_stand_still(place: Place, tables: Sequence[str], seconds: float) -> None:
    """Raises StateError where a group works with one of the tables: it would write over what is put back."""
    if not seconds or not tables:
        return
    before = {name: await read_all(place.dynamodb, name) for name in tables}
    place.tell(f"watching {', '.join(tables)} for {seconds:g} s: the services must be stopped")
    await asyncio.sleep(seconds)
    for name, items in before.items():
        if keys := renewed(items, await read_all(place.dynamodb, name)):
            raise StateError(f"{name} is in use, {', '.join(keys[:3])} was renewed: stop the service first")


async def _until_active(place: Place, table: str) -> None:
    while True:
        found = await place.dynamodb.describe_table(TableName=table)
        if found["Table"]["TableStatus"] == "ACTIVE":
            return
        await asyncio.sleep(2)
