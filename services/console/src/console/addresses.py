"""One target for each process behind a host name: tasks of a service share a name and differ by address."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from console.settings import Target

Resolve = Callable[[str], Awaitable[Sequence[str]]]


async def expand(targets: Sequence[Target], resolve: Resolve) -> tuple[Target, ...]:
    """The targets, each whose host name has several addresses replaced by one target for each address.

    Docker's and ECS' DNS answer a service's name with an address for every task. Targets over TLS stay as they are,
    since certificates are for names.
    """
    found = await asyncio.gather(*(_expand(target, resolve) for target in targets))
    return tuple(dict.fromkeys(target for several in found for target in several))


async def _expand(target: Target, resolve: Resolve) -> list[Target]:
    place = urlsplit(target.url)
    addresses = sorted(set(await resolve(place.hostname or ""))) if place.scheme == "http" else []
    if len(addresses) < 2:
        return [target]
    port = f":{place.port}" if place.port else ""
    return [replace(target, url=place._replace(netloc=f"{address}{port}").geturl()) for address in addresses]


async def ipv4_addresses(host: str) -> list[str]:
    """The name's addresses; none if it has none or nobody answers. One family, or a process would count twice."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(address[0]) for *_, address in found]
