"""The report as lines for people and as JSON for machines."""

import orjson

from etl_cli.report.reconcile import Report


def lines(report: Report) -> list[str]:
    """`name: number`, a line each, then what is wrong, then the verdict."""
    text = [f"{name}: {value}" for name, value in report.figures.items()]
    text += [f"PROBLEM {problem}" for problem in report.problems]
    text.append("verdict: nothing lost" if report.ok else f"verdict: {len(report.problems)} problem(s)")
    return text


def as_json(report: Report) -> bytes:
    """The same, with names in snake case, for a machine to read."""
    figures = {name.replace(" ", "_").replace("-", "_").lower(): value for name, value in report.figures.items()}
    return orjson.dumps(
        {**figures, "ok": report.ok, "problems": list(report.problems)},
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )
