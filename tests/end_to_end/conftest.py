"""A whole stack of its own for each test module: every service a process, real OpenSearch, our doubles, ministack."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import pytest
import pytest_asyncio

from etl_cli.layout import Layout, project_root
from etl_cli.local_stack import LocalStack, StackFailed
from etl_cli.screen import Screen
from local_aws.ports import free_base


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.end_to_end)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(
    tmp_path_factory: pytest.TempPathFactory, missing: Callable[[str], NoReturn]
) -> AsyncIterator[LocalStack]:
    layout = Layout(tmp_path_factory.mktemp("stack"), free_base(23000, range(20)))
    # Longer than the outages that the tests make: silence must not be taken for the end of the input.
    patience = {"AGGREGATOR_IDLE_SECONDS": "25", "AGGREGATOR_FLUSH_SECONDS": "30"}
    local = LocalStack(layout, project_root(), Screen(headless=True), os.environ, overrides=patience)
    try:
        await local.__aenter__()
    except StackFailed as error:
        missing(f"the stack did not start: {error}")
    try:
        yield local
    finally:
        await local.__aexit__(None, None, None)
