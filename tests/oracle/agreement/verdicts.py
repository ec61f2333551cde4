"""What one query on one input came to: Flink now, Flink as committed, and our engine."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from agreement import inputs, ours
from agreement.comparison import differs
from agreement.goldens import Answer
from agreement.queries import Run

UNSUPPORTED_FILE = Path(__file__).parents[1] / "unsupported.txt"
ALIKE = ("agrees", "not supported", "failed in Flink")
DIFFERENT = ("GOLDEN DIFFERS", "DIFFERS", "REFUSED", "NOT REFUSED", "CRASHED", "LISTED IN VAIN")


def verdict(run: Run, now: Answer, golden: Answer | None) -> tuple[str, str]:
    """A word or two, and the reason where there is one."""
    if golden is None:
        return "GOLDEN DIFFERS", "no golden answer: make oracle WRITE=1"
    changed = _changed(golden, now)
    return ("GOLDEN DIFFERS", changed) if changed else against_golden(run, golden)


def line_of(run: Run, word: str, reason: str) -> str:
    """The verdict as a line to print; half a character, which no terminal takes, as its escape."""
    line = f"{run.file:36} {run.label:9} {word}{': ' + reason if reason else ''}"
    return line.encode(errors="backslashreplace").decode()


def against_golden(run: Run, golden: Answer) -> tuple[str, str]:
    """The same without asking Flink again."""
    listed = unsupported().get(run.name) or unsupported().get(run.file)
    word, reason = _agreement(run, golden)
    if word == "agrees":
        return ("LISTED IN VAIN", "remove it from unsupported.txt") if listed else (word, reason)
    if listed:
        return "not supported", listed
    return word, reason


def _agreement(run: Run, golden: Answer) -> tuple[str, str]:
    if golden.refused:
        refusal = ours.refusal(run)
        if refusal:
            return "agrees", "refused by both"
        word = "failed in Flink" if golden.refused == "run" else "NOT REFUSED"
        return word, golden.reason[:160]
    try:
        rows = ours.run(run, golden.columns, {table: inputs.rows(table, run.input) for table in run.tables})
    except ours.NotSupported as refusal:
        return "REFUSED", str(refusal)
    except Exception as problem:  # a crash is a disagreement like others, and takes no other run with it
        return "CRASHED", f"{type(problem).__name__}: {problem}"
    words = differs(golden.rows, rows, [kind for _, kind in golden.columns])
    return ("DIFFERS", words) if words else ("agrees", "")


def _changed(golden: Answer, now: Answer) -> str:
    if golden.refused != now.refused or golden.columns != now.columns or golden.revised != now.revised:
        return f"was {golden.refused or golden.columns}, is {now.refused or now.columns}"
    return differs(golden.rows, now.rows, [kind for _, kind in golden.columns])


@cache
def unsupported() -> dict[str, str]:
    """What our engine does not do alike, by file or by run, with the reason: the list can only shrink."""
    lines = UNSUPPORTED_FILE.read_text().splitlines()
    return dict(line.split(" | ", 1) for line in lines if line and not line.startswith("#"))
