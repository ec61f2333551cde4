"""The consumers that are compared: what each is, and the command that runs it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import kcl_java

HERE = Path(__file__).parent
ASYNC_KINESIS = ("async-kinesis==3.0.1", "uvloop==0.23.0")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl" / "async-kinesis"

Options = dict[str, object]


@dataclass(frozen=True, slots=True)
class Consumer:
    """A way to read a stream. `remembers` tells whether a restarted one goes on where it stopped."""

    name: str
    description: str
    command: Callable[[Options], list[str]]
    remembers: bool
    start_seconds: float = 20.0
    """How long it may take until it has read everything."""


def _python(script: str, *extra: str, python: str = sys.executable) -> Callable[[Options], list[str]]:
    return lambda options: [python, str(HERE / script), *_arguments(options), *extra]


def _arguments(options: Options) -> list[str]:
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def _missing(reason: str) -> NoReturn:
    raise SystemExit(reason)


def _java(**properties: str) -> Callable[[Options], list[str]]:
    def command(options: Options) -> list[str]:
        given = {**options, "mode": "count", "shard-sync-millis": 200}
        java, *rest = kcl_java.command("3", given, _missing)
        return [java, *(f"-D{name}={value}" for name, value in properties.items()), *rest]

    return command


def async_kinesis_python() -> str:
    """The interpreter of an environment with async-kinesis alone, made once a machine."""
    folder = CACHE / "-".join(ASYNC_KINESIS)
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *ASYNC_KINESIS], check=True)
            (folder / "complete").touch()
    return str(python)


def _async_kinesis(options: Options) -> list[str]:
    return _python("read_async_kinesis.py", python=async_kinesis_python())(options)


CONSUMERS = {
    consumer.name: consumer
    for consumer in (
        Consumer("shardline", "ours, HTTP/2", _python("read_shardline.py", "--transport", "http2"), True),
        Consumer("shardline-http1", "ours, HTTP/1.1", _python("read_shardline.py", "--transport", "http1"), True),
        Consumer(
            "shardline-aiobotocore",
            "ours, aiobotocore's connections",
            _python("read_shardline.py", "--transport", "aiobotocore"),
            True,
            60,
        ),
        Consumer(
            "shardline-polling", "ours, GetRecords", _python("read_shardline.py", "--reading", "polling"), True, 60
        ),
        Consumer("aiobotocore", "naive subscribe_to_shard loop", _python("read_aiobotocore.py"), False, 120),
        Consumer("async-kinesis", "async-kinesis 3.0.1, GetRecords", _async_kinesis, False, 240),
        Consumer("kcl", "Java KCL 3.5.1, fan-out, CBOR", _java(), True, 240),
        Consumer("kcl-json", "Java KCL 3.5.1, fan-out, JSON", _java(**{"aws.cborEnabled": "false"}), True, 240),
    )
}
