"""The page in a real headless browser, served by a real console process."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = [pytest.mark.browser, pytest.mark.integration]

_CHROMIUM = "/usr/bin/chromium"
_DRIVER = "/usr/bin/chromedriver"
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


@pytest.fixture
def browser(tmp_path: Path, missing: Callable[[str], NoReturn]) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium with an empty profile; its console's messages are kept."""
    if not (shutil.which(_CHROMIUM) and shutil.which(_DRIVER)):
        missing("Chromium is not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(_DRIVER))
    yield driver
    driver.quit()


def wait(browser: webdriver.Chrome, condition: Callable[[webdriver.Chrome], Any], what: str) -> Any:
    """Waits up to twenty seconds."""
    return WebDriverWait(browser, 20, poll_frequency=0.1).until(condition, what)


def text(browser: webdriver.Chrome, selector: str) -> str:
    found = browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)
    return str(found).strip()


def count(browser: webdriver.Chrome, selector: str) -> int:
    return len(browser.find_elements(By.CSS_SELECTOR, selector))


def press(browser: webdriver.Chrome, key: str) -> None:
    """Presses a key as a person does: whatever has the focus gets it, drawn anew a moment ago or not."""
    ActionChains(browser).send_keys(key).perform()


def resize(browser: webdriver.Chrome, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def emulate(browser: webdriver.Chrome, **features: str) -> None:
    wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser's console said: errors of scripts, failed loads, violations of the policy."""
    messages: list[dict[str, str]] = browser.get_log("browser")  # type: ignore[no-untyped-call] # selenium's own
    return [entry["message"] for entry in messages if entry["level"] in ("SEVERE", "WARNING")]


def open_page(browser: webdriver.Chrome, address: str) -> None:
    resize(browser, 1400, 1000)
    browser.get(address)
    wait(browser, lambda b: text(b, "#total-accepted")[:1].isdigit(), "no live number")
    wait(browser, lambda b: text(b, ".result"), "no event")


def test_live_numbers_move_and_everything_can_be_read(browser: webdriver.Chrome, console: str) -> None:
    """Rates move, a search finds, a dead letter opens; the browser has nothing to complain about."""
    open_page(browser, console)
    first = text(browser, "#total-accepted")
    wait(browser, lambda b: text(b, "#total-accepted") != first, "the accepted rate stands still")
    wait(browser, lambda b: text(b, "#state-text") == "Flowing", "not flowing")
    dot = "return document.querySelector('.dots circle')?.getAttribute('cx')"
    place = wait(browser, lambda b: b.execute_script(dot), "no dot flows")
    wait(browser, lambda b: b.execute_script(dot) != place, "the dots stand still")
    # What the console has not read yet arrives with a later update.
    wait(browser, lambda b: count(b, ".hop") >= 11, "hops are missing")
    wait(browser, lambda b: count(b, ".hop .spark-line[d^='M']"), "no line of a hop's rate")
    wait(browser, lambda b: count(b, "#shards table") == 6, "not six streams' shards")
    wait(browser, lambda b: count(b, ".alert") == 3, "not three alerts")

    browser.find_element(By.ID, "search-text").send_keys("timeout", Keys.ENTER)
    wait(browser, lambda b: text(b, ".result mark") == "timeout", "nothing is marked")
    wait(browser, lambda b: text(b, "#search-note") == "2 events in 7 ms", "no count of the events found")
    wait(browser, lambda b: count(b, ".dead-letter summary"), "no dead letter")

    letter = browser.find_element(By.CSS_SELECTOR, ".dead-letter summary")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", letter)
    letter.click()
    wait(browser, lambda b: text(b, ".dead-letter pre.original") == '{"type": "page_view", "u', "no original")
    time_shown = text(browser, "#connection")
    wait(browser, lambda b: text(b, "#connection") != time_shown, "no more updates")
    assert browser.find_element(By.CSS_SELECTOR, ".dead-letter details").get_attribute("open")
    assert complaints(browser) == []

    browser.execute_script("document.getElementById('results').focus(); document.activeElement.blur()")
    folder = Path(os.environ.get("ARTIFACTS_DIR", "artifacts"))
    folder.mkdir(parents=True, exist_ok=True)
    emulate(browser, prefers_color_scheme="dark")
    height = browser.execute_script("return document.documentElement.scrollHeight")
    resize(browser, 1400, height)
    wait(browser, lambda b: text(b, ".legend-value"), "no chart")
    assert browser.save_screenshot(str(folder / "console.png"))


def test_hostile_content_stays_text(browser: webdriver.Chrome, console: str) -> None:
    """Markup in events, alerts, groups, searches and dead letters is shown, never run and never loaded."""
    open_page(browser, console)
    browser.find_element(By.ID, "search-text").send_keys("<img", Keys.ENTER)
    wait(browser, lambda b: text(b, ".result mark") == "<img", "the hostile event is not found")
    wait(browser, lambda b: count(b, "details") >= 3 and count(b, ".tab"), "no dead letters or no tabs")
    browser.execute_script(
        "document.querySelectorAll('details').forEach((one) => { one.open = true; });"
        "[...document.querySelectorAll('.tab')].find((tab) => tab.textContent.startsWith('page')).click();"
    )
    wait(browser, lambda b: "onerror" in text(b, ".legend"), "the hostile group is not shown")
    wait(browser, lambda b: len(b.find_elements(By.CSS_SELECTOR, "pre.original")) == 3, "no originals")
    wait(browser, lambda b: "<script>" in text(b, ".alert:nth-child(2)"), "the hostile alert is not shown")
    assert browser.execute_script("return document.querySelectorAll('main img, main script').length") == 0
    assert browser.execute_script("return window.attacked ?? 'no'") == "no"
    assert complaints(browser) == []


def test_the_policy_is_in_force(browser: webdriver.Chrome, console: str) -> None:
    """Were some text ever given to the parser, the browser would refuse it."""
    open_page(browser, console)
    refused = "try { document.body.innerHTML = '<b>x</b>'; return 'parsed'; } catch (error) { return error.name; }"
    assert browser.execute_script(refused) == "TypeError"


def test_outages_are_said_and_end_by_themselves(browser: webdriver.Chrome, console: str, backends: Any) -> None:
    """With everything down the page says so, in words, and recovers without a reload."""
    open_page(browser, console)
    backends.down = {"ingest-api", "enricher", "aggregator", "indexer", "opensearch", "aws"}
    wait(browser, lambda b: "OpenSearch: unreachable, retrying" in text(b, "#problems"), "no word of OpenSearch")
    wait(browser, lambda b: "enricher: unreachable, retrying" in text(b, "#problems"), "no word of the enricher")
    wait(browser, lambda b: text(b, "#state-text") == "Degraded", "not degraded")
    wait(browser, lambda b: text(b, ".box[data-state=down] .box-detail") == "unreachable", "no box is down")
    backends.down = set()
    wait(browser, lambda b: text(b, "#problems") == "", "the problems stay")
    wait(browser, lambda b: text(b, "#state-text") == "Flowing", "not flowing again")


@pytest.mark.parametrize("width", [360, 768, 1400, 2560])
def test_the_page_fits_every_width(browser: webdriver.Chrome, console: str, width: int) -> None:
    """No page scrolls sideways; tables scroll within their frames."""
    open_page(browser, console)
    resize(browser, width, 900)
    time.sleep(0.3)  # the layout follows at the next frame
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert complaints(browser) == []


def test_everything_is_reached_by_keyboard_and_motion_can_be_off(browser: webdriver.Chrome, console: str) -> None:
    """Tab reaches search, tabs, chart and dead letters; arrows move between queries; dots stay away on request."""
    emulate(browser, prefers_reduced_motion="reduce")
    open_page(browser, console)
    wait(browser, lambda b: text(b, ".dead-letter"), "no dead letter")
    assert browser.find_elements(By.CSS_SELECTOR, ".dots circle") == []
    reached = set()
    body = browser.find_element(By.TAG_NAME, "body")
    body.click()
    for _ in range(60):
        press(browser, Keys.TAB)
        reached.add(browser.execute_script(
            "const at = document.activeElement;"
            "return at.closest('.dead-letter')?.className || at.id || at.dataset.control || at.getAttribute('role')"
        ))  # fmt: skip
    assert {"tab", "chart", "search-text", "results", "dead-letter", "region"} <= reached, reached
    browser.execute_script("document.querySelector('.tab[aria-selected=true]').focus()")
    before = text(browser, ".tab[aria-selected=true]")
    press(browser, Keys.ARROW_RIGHT)
    assert text(browser, ".tab[aria-selected=true]") != before
    assert browser.execute_script("return document.activeElement.getAttribute('aria-selected')") == "true"
