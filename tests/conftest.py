"""What every test folder shares: sockets off where nothing may be reached, and missing backends said aloud."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings
from local_ministack import serving

_TESTS = Path(__file__).parent
_WITHOUT_SOCKETS = (_TESTS / "unit", _TESTS / "properties", _TESTS / "simulation")


def pytest_configure() -> None:
    """Take Ctrl-C even where a shell started the tests in the background: what it ignores, children ignore too.

    No property fails by the time that an example took: on a busy machine that is no fact about the code.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    slow = {HealthCheck.too_slow, *settings().suppress_health_check}
    settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=tuple(slow))
    settings.load_profile("any machine")


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Unit, property and simulation tests reach nothing; the event loop's own socket pair stays allowed."""
    if any(item.path.is_relative_to(folder) for folder in _WITHOUT_SOCKETS):
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Sockets are back for the next test."""
    pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def missing() -> Callable[[str], NoReturn]:
    """Call it with what is missing and how to get it: it fails in CI (`CI=true`) and skips on a laptop."""

    def report(reason: str) -> NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)

    return report


@pytest.fixture(scope="session")
def ministack_url(missing: Callable[[str], NoReturn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One ministack for all tests that name what they make uniquely."""
    with serving(tmp_path_factory.mktemp("ministack"), missing) as url:
        yield url


@pytest.fixture
def fresh_ministack_url(missing: Callable[[str], NoReturn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty ministack for one test."""
    with serving(tmp_path_factory.mktemp("ministack"), missing) as url:
        yield url
