"""`etl provision`: what the services need, at the endpoints that the environment names."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from geolite2 import geolite2

from etl_cli import keys
from etl_cli.resources import PLAN
from etl_cli.screen import Screen
from local_aws.provision import provision as create


async def provision(environment: Mapping[str, str], keys_dir: Path | None, geoip: Path | None = None) -> None:
    """Create what is missing of the plan.

    With `keys_dir`, an API key, its hash and the mask's secret there too, unless they exist; with `geoip`, the demo's
    city database, of 2018, as that file.
    """
    screen = Screen(headless=True)
    await create(PLAN, environment, screen)
    if keys_dir is not None:
        keys.make_key(keys_dir / "api-key", keys_dir / "api-keys")
        keys.make_secret(keys_dir / "mask-secret")
        screen.say(f"the API key is in {keys_dir / 'api-key'}")
    if geoip is not None:
        copy_city_database(geoip)


def copy_city_database(target: Path) -> None:
    """The demo's city database as a file of its own, whole or not at all; an existing file is kept."""
    if target.exists():
        return
    scratch = target.with_suffix(".part")
    shutil.copyfile(geolite2.filename, scratch)
    scratch.replace(target)
