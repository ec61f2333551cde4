"""Which host names a browser may use for the page."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from console.app import _only_known_hosts
from console.settings import Settings
from service_runtime.settings import load


@pytest.mark.parametrize(
    ("listening", "allowed", "host", "is_served"),
    [
        ("0.0.0.0", "", "etl.example", True),
        ("0.0.0.0", "etl.example", "etl.example:8080", True),
        ("0.0.0.0", "etl.example", "127.0.0.1:18081", True),
        ("0.0.0.0", "etl.example", "evil.example", False),
        ("127.0.0.1", "", "evil.example", False),
        ("127.0.0.1", "etl.example", "etl.example", True),
    ],
)
async def test_unknown_names_are_refused_on_loopback_and_where_some_are_named(
    listening: str, allowed: str, host: str, is_served: bool
) -> None:
    """A published port of a container is as safe from rebinding as loopback, once its names are given."""
    settings = load(Settings, {"CONSOLE_HOST": listening, "CONSOLE_ALLOWED_HOSTS": allowed})

    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="page")

    request = make_mocked_request("GET", "/", headers={"Host": host})
    check = _only_known_hosts(settings)
    if is_served:
        assert (await check(request, page)).status == 200
    else:
        with pytest.raises(web.HTTPMisdirectedRequest):
            await check(request, page)
