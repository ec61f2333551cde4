"""`etl status`: how a running stack is, a line a service."""

from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import click
import orjson

from etl_cli import figures


@dataclass(frozen=True, slots=True)
class State:
    """Where a running stack is reached; written at its start."""

    ingest: str
    console: str
    probes: dict[str, str]
    environment: dict[str, str]  # what an AWS SDK and `etl snapshots` need to reach it
    control: str  # the socket of `etl service`


def write_state(path: Path, state: State) -> None:
    """Keep the addresses where `read_state` finds them."""
    path.write_bytes(orjson.dumps(asdict(state), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read_state(path: Path) -> State:
    """The addresses of a running stack. Raises `click.ClickException` where none runs."""
    try:
        return State(**orjson.loads(path.read_bytes()))
    except (FileNotFoundError, TypeError):
        raise click.ClickException(f"no stack runs here ({path.name} is missing): start one with make demo") from None


async def show(path: Path) -> int:
    """Print a line a service; 0 if all answer, else 1."""
    state = read_state(path)
    async with aiohttp.ClientSession() as session:
        now = await figures.read(session, state.probes)
    click.echo(f"{'service':<14}{'events in':>12}{'events out':>12}{'lag':>10}")
    for service in state.probes:
        if service in now.silent:
            click.echo(f"{service:<14}{'does not answer':>34}")
            continue
        lag = f"{now.lag_seconds[service]:.1f} s"
        click.echo(f"{service:<14}{now.events_in[service]:>12.0f}{now.events_out[service]:>12.0f}{lag:>10}")
    click.echo(f"console: {state.console}")
    return 1 if now.silent else 0
