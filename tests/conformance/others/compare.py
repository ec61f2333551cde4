"""Runs the Kinesis suite on the double and on other emulators, and writes who passes what into a document.

`python tests/conformance/others/compare.py docs/kinesis-double.md` starts each one in turn (kinesis-local wants Node,
and `npm ci` in this folder once), runs the suite on it, keeps pytest's JUnit files in `artifacts/conformance/`, and
writes the table between the two marks of the document. `--from-files` writes the table of the files that are there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests" / "support"))
from local_ministack import serving  # noqa: E402

from local_aws.ports import free_ports  # noqa: E402

FILES = ROOT / "artifacts" / "conformance"
BEGIN, END = "<!-- who passes what: begin -->", "<!-- who passes what: end -->"
AREAS = ("streams", "shards", "writing", "reading", "consumers", "backlogs", "words")


@dataclass
class Outcomes:
    """What one endpoint did: for every fact the outcomes of its cases, a case being a client and an argument."""

    name: str
    facts: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @classmethod
    def read(cls, name: str, path: Path) -> "Outcomes":
        """The outcomes in a JUnit file."""
        outcomes = cls(name)
        for case in ElementTree.parse(path).iter("testcase"):
            if any(error.get("message", "").startswith("failed on teardown") for error in case.iter("error")):
                continue  # what the client left behind; the test itself has a case of its own
            area = case.get("classname", "").rpartition(".")[2].removeprefix("test_")
            fact = case.get("name", "").partition("[")[0].removeprefix("test_").replace("_", " ")
            kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
            outcome = "skipped" if kinds == {"skipped"} else "failed" if kinds else "passed"
            outcomes.facts[area, fact][outcome] += 1
        return outcomes

    def of_area(self, area: str) -> str:
        """How many facts of an area hold, of those that were tried."""
        tried = [counts for (place, _), counts in self.facts.items() if place == area and _tried(counts)]
        return f"{sum(not counts['failed'] for counts in tried)} of {len(tried)}"

    def failing(self) -> list[str]:
        """The facts that do not hold through some client or argument, with how many cases fail."""
        return [
            f"{fact} ({counts['failed']} of {counts['failed'] + counts['passed']})"
            for (area, fact), counts in sorted(self.facts.items(), key=lambda item: AREAS.index(item[0][0]))
            if counts["failed"]
        ]

    def cases(self) -> str:
        """How many cases passed."""
        total: Counter[str] = sum(self.facts.values(), Counter())
        return f"{total['passed']} of {total['passed'] + total['failed']}"


def _tried(counts: Counter[str]) -> int:
    return counts["passed"] + counts["failed"]


@contextmanager
def ministack() -> Iterator[str]:
    """The emulator as the local stack runs it."""

    def missing(reason: str) -> NoReturn:
        raise SystemExit(reason)

    with tempfile.TemporaryDirectory() as directory, serving(Path(directory), missing, ("kinesis",)) as url:
        yield url


@contextmanager
def kinesis_local() -> Iterator[str]:
    """The emulator from its npm package."""
    package = Path(__file__).parent / "node_modules" / "kinesis-local"
    if not package.is_dir():
        raise SystemExit("kinesis-local is not installed: run `npm ci` in tests/conformance/others")
    plain, tls = free_ports(2)
    ports = {"KINESIS_MOCK_PLAIN_PORT": str(plain), "KINESIS_MOCK_TLS_PORT": str(tls), "LOG_LEVEL": "ERROR"}
    with subprocess.Popen(["node", "main.js"], cwd=package, env={**os.environ, **ports}) as process:
        try:
            _wait_for(f"http://127.0.0.1:{plain}/healthcheck")
            yield f"http://127.0.0.1:{plain}"
        finally:
            process.terminate()


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing answers at {address}")


OTHERS: dict[str, Callable[[], object]] = {"ministack 1.5.33": ministack, "kinesis-local 0.6.2": kinesis_local}
DOUBLE = "the double"


def file_of(name: str) -> Path:
    """Where the JUnit file of an endpoint is."""
    return FILES / f"{name.replace(' ', '-')}.xml"


def run(name: str, *options: str) -> None:
    """Run the suite; a test that fails is a result here."""
    FILES.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", "--timeout=40"]
    place = ["tests/conformance/kinesis", f"--junitxml={file_of(name)}"]
    status = subprocess.run([*command, *place, *options], cwd=ROOT, check=False).returncode
    if status not in (0, 1):
        raise SystemExit(f"the suite did not run on {name}: pytest ended with {status}")


def table(outcomes: list[Outcomes]) -> str:
    """The table, and below it the facts that do not hold."""
    header = "| area | " + " | ".join(each.name for each in outcomes) + " |"
    lines = [header, "|---|" + "---|" * len(outcomes)]
    lines += [f"| {area} | " + " | ".join(each.of_area(area) for each in outcomes) + " |" for area in AREAS]
    lines += [
        "| **cases** (a fact through a client with an argument) | "
        + " | ".join(each.cases() for each in outcomes)
        + " |",
        "",
    ]
    for each in outcomes:
        failing = each.failing()
        lines += [
            f"**{each.name}**: " + ("every fact holds." if not failing else f"{len(failing)} facts do not hold."),
            "",
        ]
        lines += [f"- {fact}" for fact in failing] + ([""] if failing else [])
    return "\n".join(lines)


def write(document: Path, text: str) -> None:
    """Put the table between the marks of the document."""
    content = document.read_text()
    before, _, rest = content.partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    parser.add_argument("--from-files", action="store_true", help="run nothing")
    parser.add_argument("--only", nargs="*", default=[DOUBLE, *OTHERS], help="run these, take the others from files")
    arguments = parser.parse_args()
    wanted = [] if arguments.from_files else arguments.only
    if DOUBLE in wanted:
        run(DOUBLE)
    for name, start in OTHERS.items():
        if name in wanted:
            with start() as url:  # type: ignore[attr-defined]
                run(name, "--kinesis-endpoint", url, "--kinesis-clients", "boto3,aiobotocore")
    write(arguments.document, table([Outcomes.read(name, file_of(name)) for name in (DOUBLE, *OTHERS)]))


if __name__ == "__main__":
    main()
