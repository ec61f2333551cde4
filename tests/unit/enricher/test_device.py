import pytest
from msgspec.json import decode

from enricher.device import LONGEST_USER_AGENT, DeviceLookup

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 {}Safari/537.36"
KINDS = {
    CHROME.format("Windows NT 10.0; Win64; x64", ""): "desktop",
    CHROME.format("X11; Linux x86_64", ""): "desktop",
    CHROME.format("Linux; Android 14; Pixel 8", "Mobile "): "mobile",
    CHROME.format("Linux; Android 13; SM-X700", ""): "tablet",
    CHROME.format("SMART-TV; Linux; Tizen 7.0", ""): "tv",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "bot",
    "curl/8.5.0": "tool",
    "no agent of anybody": "other",
}


@pytest.mark.parametrize(("user_agent", "kind"), KINDS.items())
def test_kinds(devices: DeviceLookup, user_agent: str, kind: str) -> None:
    """A user agent is one of seven kinds of device."""
    found = devices.find(user_agent)
    assert found is not None
    assert decode(found)["kind"] == kind


def test_browser_system_and_model(devices: DeviceLookup) -> None:
    """What the expressions recognise is named with its version."""
    found = devices.find(CHROME.format("Linux; Android 14; Pixel 8", "Mobile "))
    assert found is not None
    assert decode(found) == {
        "kind": "mobile",
        "browser": "Chrome Mobile",
        "browser_version": "124.0",
        "os": "Android",
        "os_version": "14",
        "brand": "Google",
        "model": "Pixel 8",
    }


def test_an_empty_user_agent_is_no_device(devices: DeviceLookup) -> None:
    """Blank is as good as absent."""
    assert devices.find("") is None
    assert devices.find("   ") is None


def test_what_follows_a_very_long_start_is_not_looked_at(devices: DeviceLookup) -> None:
    """The work and the memory for one user agent are bounded."""
    long = "x" * LONGEST_USER_AGENT
    assert devices.find(long + " Googlebot/2.1") is devices.find(long)
