"""What Flink answered, as committed: one file of JSON lines a query, its runs one after another, rows sorted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agreement.results import Row, final_rows, plain_type, rows_of

FOLDER = Path(__file__).parents[1] / "golden"


@dataclass
class Answer:
    """One query's result on one input.

    Attributes:
        columns: (name, type) of each column.
        rows: the final table, sorted.
        revised: whether any row was taken back on the way.
        refused: where Flink gave no answer: "validation" of the SQL, "plan" or "run" (the job failed); "" where it did.
        reason: Flink's error then.

    """

    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    revised: bool = False
    refused: str = ""
    reason: str = ""


def answer(result: dict[str, Any]) -> Answer:
    """A result of flink/jobs.py as an answer."""
    if "error" in result:
        return Answer(refused=result["stage"], reason=result["error"])
    rows, revised = final_rows(rows_of(result))
    return Answer([(name, plain_type(kind)) for name, kind in result["columns"]], rows, revised)


def load(query: str) -> dict[str, Answer]:
    """The committed answers of a query by label; none if there are none."""
    file = FOLDER / f"{query}.jsonl"
    answers: dict[str, Answer] = {}
    current = Answer()
    for line in file.read_text().splitlines() if file.exists() else ():
        value = json.loads(line)
        if isinstance(value, list):
            current.rows.append(value)
        else:
            columns = [(name, kind) for name, kind in value.get("columns", [])]
            revised, refused, reason = value.get("revised", False), value.get("refused", ""), value.get("reason", "")
            current = answers[value["run"]] = Answer(columns, [], revised, refused, reason)
    return answers


def save(query: str, answers: dict[str, Answer]) -> None:
    """Write the answers of a query in place of those committed."""
    lines = []
    for name, given in answers.items():
        heading: dict[str, Any] = {"run": name}
        if given.refused:
            heading |= {"refused": given.refused, "reason": given.reason}
        else:
            heading |= {"columns": given.columns} | ({"revised": True} if given.revised else {})
        lines.append(heading)
        lines.extend(given.rows)
    texts = [_text(line) for line in lines]
    (FOLDER / f"{query}.jsonl").write_text("".join(text + "\n" for text in texts))


def _text(line: Any) -> str:
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    # Flink cuts texts between the two halves of a character beyond 16 bits; a half alone has no UTF-8.
    return json.dumps(line, separators=(",", ":")) if any("\ud800" <= letter <= "\udfff" for letter in text) else text
