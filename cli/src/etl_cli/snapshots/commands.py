"""The commands of `etl snapshots`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])
_indices = click.option(
    "--index", "indices", multiple=True, help="Index, or its beginning and *; all that the indexer writes by default."
)


def _access(command: _F) -> _F:
    """Options of every command: where OpenSearch is, and as whom."""
    for option in (
        click.option(
            "--url",
            envvar="OPENSEARCH_URL",
            default="http://127.0.0.1:9200",
            show_default=True,
            help="OpenSearch; or OPENSEARCH_URL.",
        ),
        click.option("--user", envvar="OPENSEARCH_USER", default="", help="User; better given as OPENSEARCH_USER."),
        click.option("--password", envvar="OPENSEARCH_PASSWORD", default="", help="Better as OPENSEARCH_PASSWORD."),
        click.option("--sign", is_flag=True, help="Sign requests with AWS credentials, as domains of AWS want."),
        click.option("--region", envvar="AWS_REGION", default="us-east-1", show_default=True, help="With --sign."),
    ):
        command = option(command)
    return command


@click.group()
def snapshots() -> None:
    """Take and restore snapshots of the indices in OpenSearch. See docs/backup.md."""


@snapshots.command()
@click.argument("repository")
@click.option("--folder", help="A folder of every node, under path.repo of opensearch.yml.")
@click.option("--bucket", help="An S3 bucket.")
@click.option("--role-arn", help="With --bucket: the role by which the domain writes to it.")
@click.option("--base-path", default="", help="With --bucket: the beginning of the keys.")
@_access
def register(
    repository: str, folder: str | None, bucket: str | None, role_arn: str | None, base_path: str, **access: Any
) -> None:
    """Name REPOSITORY, where snapshots lie: a folder, or a bucket (whose caller may pass the role, signed)."""
    if (folder is None) == (bucket is None):
        raise click.UsageError("name either --folder or --bucket")
    settings = {"location": folder} if folder else {"bucket": bucket, "region": access["region"]}
    settings |= {"role_arn": role_arn} if role_arn else {}
    settings |= {"base_path": base_path} if base_path else {}

    async def action(client: Any) -> None:
        from etl_cli.snapshots import actions

        kind = "fs" if folder else "s3"
        await actions.register(client, repository, kind, {name: value for name, value in settings.items() if value})
        click.echo(f"{repository}: registered")

    _run(access, action)


@snapshots.command()
@click.argument("repository")
@click.argument("name", required=False)
@_indices
@_access
def take(repository: str, name: str | None, indices: tuple[str, ...], **access: Any) -> None:
    """Take a snapshot into REPOSITORY, under NAME or the time, and wait for it."""

    async def action(client: Any) -> None:
        from etl_cli.snapshots import actions

        chosen = name or datetime.now(UTC).strftime("etl-%Y%m%d-%H%M%S")
        found = await actions.take(client, repository, chosen, indices or actions.INDICES, _tell)
        click.echo(f"{chosen}: {len(found['indices'])} indices, begun {_time(found['start_time_in_millis'])}")

    _run(access, action)


@snapshots.command("list")
@click.argument("repository")
@_access
def list_(repository: str, **access: Any) -> None:
    """Show the snapshots of REPOSITORY, oldest first."""

    async def action(client: Any) -> None:
        from etl_cli.snapshots import actions

        for each in await actions.listed(client, repository):
            begun = _time(each["start_time_in_millis"])
            click.echo(f"{each['snapshot']}\t{each['state']}\t{len(each['indices'])} indices\tbegun {begun}")

    _run(access, action)


@snapshots.command()
@click.argument("repository")
@click.argument("name")
@_indices
@click.option("--replace", is_flag=True, help="Delete the indices that are in the way.")
@_access
def restore(repository: str, name: str, indices: tuple[str, ...], replace: bool, **access: Any) -> None:
    """Bring the indices of the snapshot NAME back, and wait until they can be searched. Stop the indexer first."""

    async def action(client: Any) -> None:
        from etl_cli.snapshots import actions

        chosen = indices or actions.INDICES
        found = await actions.restore(client, repository, name, chosen, replace=replace, tell=_tell)
        click.echo(f"{name}: {len(found)} indices restored")

    _run(access, action)


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _run(access: dict[str, Any], action: Callable[[Any], Awaitable[None]]) -> None:
    from etl_cli.snapshots import actions

    async def main() -> None:
        region = access["region"] if access["sign"] else ""
        place = actions.Access(access["url"], access["user"], access["password"], region)
        async with actions.connected(place) as client:
            await action(client)

    try:
        asyncio.run(main())
    except actions.SnapshotError as error:
        raise click.ClickException(str(error)) from None
