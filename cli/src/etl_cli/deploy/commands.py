"""The commands `etl deploy` and `etl images`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from etl_cli.layout import project_root


@click.command()
@click.argument("environment")
@click.option("--version", help="Tag of the images, looked up in ECR. Default: what runs; at first images.tag.")
@click.option(
    "--images", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of `etl images build`."
)
@click.option("--rollback", is_flag=True, help="Deploy the images of the release before.")
@click.option("--plan-only", is_flag=True, help="Show what would be done, without a lock on the state; change nothing.")
@click.option(
    "--expect-plan", metavar="FINGERPRINT", help="Apply without asking, if the plan still is the one approved."
)
@click.option("--yes", is_flag=True, help="Do not ask before the plan is applied.")
@click.option("--allow-data-loss", is_flag=True, help="Also where streams, tables, buckets or keys would go.")
@click.option("--timeout", default=1800.0, show_default=True, help="Seconds that the rollout may take.")
@click.option("--ingest-url", help="Address for the canary, where it is not the output ingest_url.")
@click.option("--infra", type=click.Path(file_okay=False, path_type=Path), help="Folder of the configuration.")
def deploy(
    environment: str,
    version: str | None,
    images: Path | None,
    rollback: bool,
    plan_only: bool,
    expect_plan: str | None,
    yes: bool,
    allow_data_loss: bool,
    timeout: float,
    ingest_url: str | None,
    infra: Path | None,
) -> None:
    """Deploy ENVIRONMENT, a folder of infra/environments: plan, ask, apply, wait for the rollout, send a canary event.

    Images go by digest. The canary's key is ETL_API_KEY, or what the environment's `canary` names. Exit status: 0 done,
    1 not done, 2 not agreed to, 3 applied but not good (the message says what stands): go back with --rollback. See
    docs/deployment-guide.md.
    """
    from etl_cli.deploy import DeployFailed, ReleaseNotGood, run

    if sum((version is not None, images is not None, rollback)) > 1:
        raise click.UsageError("give one of --version, --images and --rollback")
    options = run.Options(
        environment,
        infra or project_root() / "infra",
        version=version,
        images=images,
        rollback=rollback,
        plan_only=plan_only,
        expected=expect_plan,
        yes=yes,
        allow_loss=allow_data_loss,
        timeout=timeout,
        ingest_url=ingest_url.rstrip("/") if ingest_url else None,
    )
    shell = run.Shell(run.variables(), click.echo, click.confirm)
    try:
        sys.exit(0 if asyncio.run(run.deploy(options, shell)) else 2)
    except ReleaseNotGood as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    except DeployFailed as error:
        raise click.ClickException(str(error)) from None


@click.group()
def images() -> None:
    """Build and push the services' images, and ask ECR's scan of them."""


@images.command()
@click.argument("version")
@click.option("--repository-prefix", required=True, help="REGISTRY/PREFIX: SERVICE's image is PREFIX-SERVICE.")
@click.option("--service", "services", multiple=True, help="Only this service; may be repeated. Default: all.")
@click.option("--platform", "platforms", multiple=True, default=("linux/arm64",), show_default=True)
@click.option("--push", is_flag=True, help="Push, and write the digests; else only build.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File for version and digests.")
def build(
    version: str,
    repository_prefix: str,
    services: tuple[str, ...],
    platforms: tuple[str, ...],
    push: bool,
    output: Path | None,
) -> None:
    """Build the images as VERSION; with --push they get an SBOM and provenance, and OUTPUT has their digests.

    With buildx for any platforms. Without it for this engine's own, and without SBOM and provenance.
    """
    from etl_cli.deploy import DeployFailed, images

    order = images.Order(version, repository_prefix, services or images.SERVICES, platforms, push)
    try:
        told = asyncio.run(images.build(order, project_root(), click.echo))
    except DeployFailed as error:
        raise click.ClickException(str(error)) from None
    if output is not None:
        output.write_text(told, encoding="utf-8")


@images.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repository-prefix", required=True, help="REGISTRY/PREFIX, as for build.")
@click.option(
    "--fail-at",
    type=click.Choice(["CRITICAL", "HIGH", "MEDIUM", "LOW"]),
    default="HIGH",
    show_default=True,
    help="From this severity on the command fails.",
)
@click.option(
    "--ignore", "ignored", multiple=True, metavar="CVE", help="A finding that was looked at; may be repeated."
)
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait for the scans.")
def scan(file: Path, repository_prefix: str, fail_at: str, ignored: tuple[str, ...], timeout: float) -> None:
    """Wait for ECR's scan of the images in FILE, which `images build` wrote; fail where it found too much."""
    from etl_cli.deploy import DeployFailed, scan

    wanted = scan.Threshold(fail_at, frozenset(ignored))
    try:
        found = asyncio.run(
            scan.scanned(file.read_text(encoding="utf-8"), repository_prefix, wanted, timeout, click.echo)
        )
    except DeployFailed as error:
        raise click.ClickException(str(error)) from None
    sys.exit(1 if found else 0)
