"""The `etl` command."""

import asyncio
import os
import shlex
import sys
from pathlib import Path
from typing import BinaryIO

import click

from etl_cli.cost.commands import cost
from etl_cli.dead_letters.commands import dead_letters
from etl_cli.deploy.commands import deploy, images
from etl_cli.layout import SERVICES, Layout, project_root
from etl_cli.search import search
from etl_cli.snapshots.commands import snapshots
from etl_cli.sql.commands import sql
from etl_cli.state.commands import state

_STACKS = ".stack"


@click.group()
def main() -> None:
    """Streaming ETL: run the whole pipeline on this machine, send events to it, see how it is."""


_stack = click.option(
    "--stack", envvar="ETL_STACK", default="default", show_default=True, help="Name of the local stack; or ETL_STACK."
)


@main.command()
@click.option("--duration", default=0.0, show_default=True, help="Seconds to run; 0 runs until Ctrl-C.")
@click.option("--headless", is_flag=True, help="Plain lines instead of moving ones.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the report as JSON to this file.")
@click.option("--port-base", default=18080, show_default=True, help="First of the 40 ports that the stack may take.")
@click.option("--keep-data", is_flag=True, help="Go on with the data of the stack's last run.")
@_stack
def demo(duration: float, headless: bool, report: Path | None, port_base: int, keep_data: bool, stack: str) -> None:
    """Run everything on this machine with real input; at the end, prove that nothing was lost."""
    from etl_cli import demo as run_demo
    from etl_cli.local_stack import LocalStack, StackFailed
    from etl_cli.screen import Screen

    screen = Screen(headless)
    local = LocalStack(_layout(stack, port_base), project_root(), screen, os.environ, keep_data=keep_data)
    options = run_demo.DemoOptions(duration, headless, report.resolve() if report else None)
    try:
        sys.exit(asyncio.run(run_demo.run(options, local, screen)))
    except StackFailed as error:
        raise click.ClickException(str(error)) from None


@main.command()
@_stack
def status(stack: str) -> None:
    """Show whether each service of a running stack is ready, what it has done, and its lag."""
    from etl_cli import status as run_status

    sys.exit(asyncio.run(run_status.show(_layout(stack).state)))


@main.command("env")
@_stack
def show_environment(stack: str) -> None:
    """Print what a shell needs so that aws, shardline and etl work on a running local stack: eval "$(etl env)"."""
    from etl_cli.status import read_state

    for name, value in read_state(_layout(stack).state).environment.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.group()
def service() -> None:
    """Stop and start a service of a running local stack, to try what docs/operations.md does to one on AWS."""


@service.command()
@click.argument("name", type=click.Choice(SERVICES))
@_stack
def stop(name: str, stack: str) -> None:
    """Let the service NAME drain and end; the rest of the stack goes on."""
    _ask(stack, "stop", name, {})


@service.command()
@click.argument("name", type=click.Choice(SERVICES))
@click.option(
    "--set", "settings", multiple=True, metavar="VARIABLE=VALUE", help="A setting that differs from the stack's."
)
@_stack
def start(name: str, settings: tuple[str, ...], stack: str) -> None:
    """Start the service NAME again and wait until it is ready. Settings hold until the stack ends."""
    variables = dict(setting.split("=", 1) for setting in settings if "=" in setting)
    if len(variables) != len(settings):
        raise click.UsageError("--set wants VARIABLE=VALUE, each variable once")
    _ask(stack, "start", name, variables)


@main.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--url", help="Address of the ingest API; the stack's own by default.")
@click.option("--key", envvar="ETL_API_KEY", help="API key; better given as ETL_API_KEY. The stack's own by default.")
@_stack
def send(file: BinaryIO, url: str | None, key: str | None, stack: str) -> None:
    """Send the events of FILE (JSON lines; standard input by default) to the ingest API."""
    from etl_cli import send as run_send
    from etl_cli.status import read_state

    if url is None or key is None:
        layout = _layout(stack)
        url = url or read_state(layout.state).ingest
        key = key or layout.api_key.read_text().strip()
    sys.exit(0 if asyncio.run(run_send.send(file, url, key)) else 1)


@main.command()
@click.option("--keys-dir", type=click.Path(path_type=Path), help="Also make keys in this folder.")
@click.option("--geoip", type=click.Path(path_type=Path), help="Also write the demo's city database to this file.")
def provision(keys_dir: Path | None, geoip: Path | None) -> None:
    """Create the streams, buckets and delivery streams that the services need, at AWS_ENDPOINT_URL*."""
    from etl_cli import provisioning

    asyncio.run(provisioning.provision(os.environ, keys_dir, geoip))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9200, show_default=True, help="HTTP port.")
@click.option("--directory", type=click.Path(path_type=Path), required=True, help="Folder of its data and log.")
def opensearch(host: str, port: int, directory: Path) -> None:
    """Run a real OpenSearch alone, from its jars, until Ctrl-C."""
    from etl_cli import opensearch_alone

    sys.exit(asyncio.run(opensearch_alone.run(host, port, directory.resolve(), os.environ)))


@main.command()
def settings() -> None:
    """Print every setting of every service, as Markdown: docs/configuration.md is this."""
    from etl_cli.settings_page import page

    click.echo(page(), nl=False)


@main.group()
def aws() -> None:
    """Try what this project assumes of AWS in an account of your own."""


@aws.command()
@click.option("--region", help="AWS region; AWS_REGION by default.")
@click.option("--yes", is_flag=True, help="Do not ask: the cost is announced and accepted.")
@click.option("--keep", is_flag=True, help="Leave the stream and the table; they are charged for by the hour.")
@click.option("--cleanup", is_flag=True, help="Only delete what earlier runs left behind.")
@click.option("--deadline", default=900.0, show_default=True, help="Seconds after which the rest is left out.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the results as JSON to this file.")
def smoke(region: str | None, yes: bool, keep: bool, cleanup: bool, deadline: float, report: Path | None) -> None:
    """Run the riskiest assumptions against AWS, for some cents, and clean up.

    Credentials and region come from the environment. Exit status: 0 all passed, 1 not, 2 not confirmed, 130 Ctrl-C.
    See docs/aws-smoke.md.
    """
    from etl_cli.smoke import run as run_smoke

    options = run_smoke.Options(region, yes, keep, deadline, report.resolve() if report else None)
    try:
        sys.exit(asyncio.run(run_smoke.cleanup(options) if cleanup else run_smoke.smoke(options)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)


main.add_command(cost)
main.add_command(deploy)
main.add_command(images)
main.add_command(dead_letters)
main.add_command(search)
main.add_command(sql)
main.add_command(snapshots)
main.add_command(state)


def _ask(stack: str, action: str, service: str, variables: dict[str, str]) -> None:
    from etl_cli.control import ask
    from etl_cli.status import read_state

    asyncio.run(ask(read_state(_layout(stack).state).control, action, service, variables))


def _layout(stack: str, port_base: int = 18080) -> Layout:
    if not stack.replace("-", "").replace("_", "").isalnum():
        raise click.BadParameter("letters, digits, - and _ only", param_hint="--stack")
    return Layout(project_root() / _STACKS / stack, port_base)


if __name__ == "__main__":
    main()
