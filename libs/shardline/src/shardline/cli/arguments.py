"""The command line of `shardline`, and its help."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from typing import Any

from shardline.cli.positions import HOW_TO_WRITE, NotAPosition, Target, parse_place, parse_target
from shardline.model import Checkpoint

_ENVIRONMENT = """\
Region, credentials and endpoints come from the environment, as for every AWS SDK: AWS_REGION, AWS_PROFILE,
AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL_DYNAMODB, ~/.aws/config.

exit status:
  0    done
  1    the answer is no: lag above --max-ms, a live fleet, a table that is not ready, not confirmed
  2    an argument or a setting is wrong
  3    AWS refused, or did not answer
  130  interrupted (tail: 0)
"""

_EXAMPLES = {
    "shards": "  shardline shards orders\n  shardline shards orders --json | jq -r '.[].shard_id'",
    "leases": "  shardline leases orders-billing\n  shardline leases orders-billing --watch --observe 2",
    "lag": "  shardline lag orders orders-billing\n  shardline lag orders orders-billing --max-ms 60000 || alert",
    "tail": "  shardline tail orders\n  shardline tail orders --from 15m --count 100 --json\n"
    "  shardline tail orders --shard shardId-000000000003 --from TRIM_HORIZON",
    "reset": "  shardline reset orders-billing --to TRIM_HORIZON\n"
    "  shardline reset orders-billing --to 2026-11-23T10:00:00Z --yes\n"
    "  shardline reset orders-billing --to shardId-000000000003=496123",
    "migrate": "  shardline migrate orders-billing --to shardline --check\n"
    "  shardline migrate orders-billing --to kcl --yes\n"
    "  shardline migrate leases --prefix billing- --to kcl --check",
}

_TEXTS = {
    "shards": "Show a stream's shards as a tree: state, share of the hash keys, sequence numbers.",
    "leases": "Show who holds each shard's lease, how far it is, and whether its holder lives: the table is read "
    "twice, and a counter that moved between is a renewal.",
    "lag": "Show how far each shard's checkpoint is behind, as the age of the oldest record that is not delivered. It "
    "costs a few GetRecords calls a shard, within the five a second that a shard allows.",
    "tail": "Print the records of a stream as they come, unfolded from KPL aggregates. No group is disturbed.",
    "reset": "Move the checkpoints of a stopped group. Refuses while any worker renews a lease. User state kept beside "
    "a checkpoint goes with it.",
    "migrate": "Check and prepare a lease table for the move of a stopped fleet from the Kinesis Client Library (2.x, "
    "3.x) to shardline, or back. Running it twice does no harm.",
}


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    whole = argparse.ArgumentParser(
        prog="shardline",
        description="Look at, and move, consumer groups of Amazon Kinesis.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {name: _command(commands, name) for name in _TEXTS}
    _add_reading(made)
    _add_tail(made["tail"])
    _add_changing(made)
    return whole


def destination(written: Sequence[str]) -> tuple[Target | None, dict[str, Checkpoint]]:
    """What the values of `reset --to` mean: one position of every shard, or places of single shards.

    Raises NotAPosition.
    """
    places = [text for text in written if "=" in text]
    if places and len(places) < len(written):
        raise NotAPosition("takes one position, or SHARD=… once or more, not both")
    if places:
        return None, dict(map(parse_place, places))
    if len(written) > 1:
        raise NotAPosition("takes one position; only SHARD=… may be repeated")
    return parse_target(written[0], time.time()), {}


def _command(commands: Any, name: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=_TEXTS[name].split(". ")[0].split(":")[0].rstrip("."),
        description=_TEXTS[name],
        epilog=f"examples:\n{_EXAMPLES[name]}\n\n{_ENVIRONMENT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if name in ("shards", "lag", "tail"):
        made.add_argument("stream", metavar="STREAM", help="name of the stream")
    if name != "shards" and name != "tail":
        made.add_argument("table", metavar="TABLE", help="name of the group's lease table in DynamoDB")
    made.add_argument("--json", action="store_true", help="print JSON")
    # botocore itself reads AWS_DEFAULT_REGION alone.
    made.add_argument("--region", default=os.environ.get("AWS_REGION"), help="AWS region, instead of AWS_REGION")
    made.add_argument("--endpoint-url", metavar="URL", help="address of every service, instead of AWS_ENDPOINT_URL*")
    return made


def _add_reading(made: dict[str, argparse.ArgumentParser]) -> None:
    for name in ("shards", "leases"):
        made[name].add_argument("--wide", action="store_true", help="print long numbers in full")
    leases = made["leases"]
    leases.add_argument("--watch", action="store_true", help="refresh until Ctrl-C")
    leases.add_argument(
        "--observe",
        type=_seconds,
        default=6.0,
        metavar="SECONDS",
        help="time between two reads, longer than the workers' renewals take (4 s by default); 0 reads once and cannot "
        "tell live from stale (default: 6)",
    )
    leases.add_argument("--count", type=_count, default=0, metavar="N", help="with --watch: refresh N times")
    for name in ("lag", "reset", "migrate"):
        made[name].add_argument("--prefix", help="what stands before the shard ids, where groups share the table")
    made["lag"].add_argument(
        "--max-ms", type=_count, metavar="MS", help="exit with 1 when a shard is further behind than this"
    )


def _add_tail(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--from",
        dest="start",
        type=_target,
        default=Target("LATEST"),
        metavar="POSITION",
        help=f"{HOW_TO_WRITE} (default: LATEST)",
    )
    made.add_argument("--shard", action="append", default=[], metavar="ID", help="only this shard; may be repeated")
    made.add_argument("--count", type=_count, default=0, metavar="N", help="end after N records")
    made.add_argument(
        "--fan-out",
        action="store_true",
        help="subscribe as a consumer of its own, deregistered at the end, instead of polling; AWS charges for it",
    )
    made.add_argument(
        "--as",
        dest="form",
        choices=("auto", "text", "base64"),
        default="auto",
        help="how payloads are printed; auto: text where it is printable UTF-8 (default)",
    )


def _add_changing(made: dict[str, argparse.ArgumentParser]) -> None:
    reset, migrate = made["reset"], made["migrate"]
    reset.add_argument(
        "--to",
        action="append",
        required=True,
        metavar="POSITION",
        help=f"{HOW_TO_WRITE}; or SHARD=NUMBER[.SUB], the first record to deliver, for single shards (may be repeated)",
    )
    reset.add_argument("--stream", help="the stream, where the table does not tell it")
    reset.add_argument("--keep-state", action="store_true", help="keep the user state beside the checkpoints")
    migrate.add_argument("--to", choices=("kcl", "shardline"), required=True, help="who is to work on it next")
    migrate.add_argument("--check", action="store_true", help="only tell what is there and what would be written")
    for each in (reset, migrate):
        each.add_argument("--yes", action="store_true", help="do not ask")
        each.add_argument("--force", action="store_true", help="even while workers seem to run")
        each.add_argument(
            "--observe",
            type=_seconds,
            default=10.0,
            metavar="SECONDS",
            help="how long to look for renewals; longer than half of the workers' lease duration (default: 10)",
        )


def _target(text: str) -> Target:
    try:
        return parse_target(text, time.time())
    except NotAPosition as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError("from 0 to 3600 seconds")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("not negative")
    return value
