"""`etl provision`: what the services need, at the endpoints that the environment names."""

from collections.abc import Mapping
from pathlib import Path

from etl_cli import keys
from etl_cli.resources import PLAN
from etl_cli.screen import Screen
from local_aws.provision import provision as create


async def provision(environment: Mapping[str, str], keys_dir: Path | None) -> None:
    """Create what is missing of the plan; with `keys_dir`, an API key and its hash there too, unless they exist."""
    screen = Screen(headless=True)
    await create(PLAN, environment, screen)
    if keys_dir is not None:
        keys.make_key(keys_dir / "api-key", keys_dir / "api-keys")
        screen.say(f"the API key is in {keys_dir / 'api-key'}")
