"""Feeds log lines of this machine: the readable text files under /var/log, and JSON logs of services.

Each file gives its last lines first (--backlog) and is then followed. Home directories, user and host names, network
and e-mail addresses are redacted before anything is sent. The rate is bounded (--rate, and --backlog lines a file at a
time), so that following the logs of the pipeline itself cannot feed on itself; lines skipped for it are counted.
"""

import argparse
import asyncio
import getpass
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import feeding
import orjson
from log_lines import parse_line
from redaction import Redactor
from tailing import Tail, is_text

SYSTEM_LOGS = Path("/var/log")
_LOOK_SECONDS = 0.5
_FIND_EVERY = 10


def find_logs(directory: Path, also: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Readable text files of a directory and its folders, and of each of `also`; and a word on each left out."""
    files: list[Path] = []
    left_out: list[str] = []
    candidates = sorted({*_in_folder(directory), *(path for one in also for path in _in_folder(one))})
    for path in candidates:
        try:
            if path.stat().st_size == 0:
                left_out.append(f"{path.name}: empty")
            elif is_text(path):
                files.append(path)
            else:
                left_out.append(f"{path.name}: not text")
        except OSError as error:
            left_out.append(f"{path.name}: {error.strerror}")
    return files, left_out


def make_event(line: str, path: Path, redactor: Redactor, event_id: str, now: datetime, zone: tzinfo) -> bytes:
    """A log line as an event: its own time where it states one, else when it was read."""
    parsed = parse_line(line, program=path.stem, now=now, zone=zone)
    file = redactor.redact(path.name)
    read_at = round(now.timestamp() * 1000)
    return orjson.dumps(
        {
            "id": event_id,
            "source": "logs",
            "type": "log",
            "key": f"log/{file}"[:256],
            "time": read_at if parsed.time is None else parsed.time,
            "payload": {
                "level": parsed.level,
                "message": redactor.redact(parsed.message),
                "logger": redactor.redact(parsed.logger),
                "file": file,
            },
        }
    )


def this_machines_names() -> Redactor:
    """A redactor that knows the accounts of people, the names of this host, and where this project lies."""
    users = {getpass.getuser()} - {"root"}
    try:
        import pwd

        users |= {account.pw_name for account in pwd.getpwall() if 1000 <= account.pw_uid < 60_000}
    except ImportError:
        feeding.say("logs: no account database here; only the current user's name is redacted everywhere")
    host = socket.gethostname()
    directories = [str(Path.home()), str(Path(__file__).resolve().parents[2]), os.getcwd(), sys.prefix]
    return Redactor(users, {host, host.partition(".")[0]}, [path for path in directories if path != "/"])


async def feed(options: argparse.Namespace, stop: asyncio.Event) -> AsyncIterator[Sequence[bytes]]:
    """Batches of events, for as long as the files grow and the end has not come."""
    redactor, run, zone = this_machines_names(), feeding.new_run(), datetime.now().astimezone().tzinfo or UTC
    tails: dict[Path, Tail] = {}
    sent = looks = skipped = 0
    while not stop.is_set():
        if looks % _FIND_EVERY == 0:
            _find_more(tails, options, first=looks == 0)
        looks += 1
        for path, tail in tails.items():
            lines = [] if stop.is_set() else tail.read()
            skipped += tail.take_skipped()
            for start in range(0, len(lines), options.batch):
                now = datetime.now(UTC)
                events = []
                for line in lines[start : start + options.batch]:
                    sent += 1
                    events.append(make_event(line, path, redactor, f"log-{run}-{sent:07}", now, zone))
                yield events
                if stop.is_set():
                    break
        await feeding.wait(stop, _LOOK_SECONDS)
    if skipped:
        feeding.say(f"logs: {skipped} lines skipped, since files grew faster than --backlog lines a look")


def _find_more(tails: dict[Path, Tail], options: argparse.Namespace, *, first: bool) -> None:
    files, left_out = find_logs(options.directory, options.json_logs)
    for path in files:
        if path not in tails:
            tails[path] = Tail(path, backlog=options.backlog)
            feeding.say(f"logs: following {path.name}")
    if first:
        for reason in left_out:
            feeding.say(f"logs: left out {reason}")
        if not files:
            feeding.say("logs: no readable log yet; new ones are looked for every few seconds")


def _in_folder(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    try:
        return [entry for pattern in ("*", "*/*") for entry in path.glob(pattern) if entry.is_file()]
    except OSError:
        return []


def main() -> int:
    """Entry point."""
    parser = feeding.common_parser(__doc__ or "", rate=20.0)
    parser.add_argument("--directory", type=Path, default=SYSTEM_LOGS, help="folder of log files, with its subfolders")
    parser.add_argument(
        "--json-logs", type=Path, action="append", default=[], help="another folder of logs; may be given again"
    )
    parser.add_argument("--backlog", type=int, default=300, help="most lines of a file read at once")
    return feeding.run("logs", parser.parse_args(), feed)


if __name__ == "__main__":
    sys.exit(main())
