"""MATCH_RECOGNIZE made at random: patterns of one to four variables with conditions that look back, count and sum.

Left out is what Flink refuses: greedy or only optional ends, an optional variable after a greedy one, and skipping to
where a match began or to a variable without rows, which stops the job.
"""

from __future__ import annotations

from agreement.inputs import Dice

_NAMES = "ABCD"
_QUANTIFIERS = (
    "",
    "",
    "+",
    "*",
    "?",
    "+?",
    "*?",
    "{2}",
    "{1,2}",
    "{2,3}?",
    "{2,}",
    "{0,2}",
    "{1,3}?",
    "{2,}?",
    "{0,3}?",
)
_GREEDY = frozenset({"+", "*", "{1,2}", "{2,}", "{0,2}"})
_OPTIONAL = frozenset({"*", "?", "*?"})
_MAY_BE_NONE = _OPTIONAL | {"{0,2}", "{0,3}?"}


def match(dice: Dice, table: str, key: str, number: str) -> str:
    """A query over the table, partitioned by `key` or not at all, with conditions on the column `number`."""
    names = _NAMES[: dice.between(1, 4)]
    quantifiers = _quantifiers(dice, len(names))
    pattern = " ".join(name + quantifier for name, quantifier in zip(names, quantifiers, strict=True))
    partition = f"PARTITION BY {key} " if dice.chance(0.7) else ""
    order = dice.pick(("ts", "ts, id", f"ts, {number} DESC, id"))
    within = f" WITHIN INTERVAL '{dice.pick((3, 7, 20, 60))}' SECOND" if dice.chance(0.6) else ""
    defined = ", ".join(
        f"{name} AS {_condition(dice, name, names[:place], number)}"
        for place, name in enumerate(names)
        if not place or dice.chance(0.85)
    )
    return (
        f"SELECT * FROM {table} MATCH_RECOGNIZE ({partition}ORDER BY {order} MEASURES {_measures(names, number)} "
        f"{_skip(dice, names, quantifiers)} PATTERN ({pattern}){within} DEFINE {defined})"
    )


def _quantifiers(dice: Dice, count: int) -> list[str]:
    chosen: list[str] = []
    for place in range(count):
        quantifier = dice.pick(_QUANTIFIERS)
        if (chosen and chosen[-1] in _GREEDY and quantifier in _OPTIONAL) or (
            place == count - 1 and quantifier in _GREEDY
        ):
            quantifier = dice.pick(("", "+?", "{2}"))
        chosen.append(quantifier)
    if all(quantifier in _MAY_BE_NONE for quantifier in chosen):
        chosen[-1] = ""
    return chosen


def _skip(dice: Dice, names: str, quantifiers: list[str]) -> str:
    targets = [names[place] for place in range(1, len(names)) if quantifiers[place] not in _MAY_BE_NONE]
    if targets and quantifiers[0] not in _MAY_BE_NONE and dice.chance(0.3):
        return f"AFTER MATCH SKIP TO {dice.pick(('FIRST', 'LAST'))} {dice.pick(targets)}"
    return dice.pick(("", "AFTER MATCH SKIP TO NEXT ROW", "AFTER MATCH SKIP PAST LAST ROW"))


def _measures(names: str, number: str) -> str:
    each = [
        f"FIRST({name}.id) AS f{name}, LAST({name}.{number}, 1) AS l{name}, COUNT({name}.id) AS n{name}, "
        f"SUM({name}.{number}) AS s{name}"
        for name in names
    ]
    return ", ".join([*each, "FIRST(ts) AS began, LAST(id) AS last_id, COUNT(*) AS seen"])


def _condition(dice: Dice, name: str, earlier: str, number: str) -> str:
    level = dice.between(0, 400)
    choices = [
        f"{name}.{number} > {level}",
        f"{number} < {level}",
        f"{name}.{number} IS NULL",
        f"SUM({name}.{number}) < {level * 3}",
        f"COUNT({name}.id) <= {dice.between(1, 4)}",
        f"COUNT(*) <> {dice.between(2, 5)}",
        f"{name}.{number} > LAST({name}.{number}, 1) OR LAST({name}.{number}, 1) IS NULL",
        f"{name}.{number} >= PREV({number})",
        f"FIRST({number}) <= {name}.{number}",
        f"MAX({number}) > {level}",
    ]
    for other in earlier:
        choices += [
            f"{name}.{number} > {other}.{number}",
            f"{name}.{number} <> FIRST({other}.{number})",
            f"COUNT({other}.id) > {dice.between(0, 2)}",
            f"{name}.{number} < AVG({other}.{number})",
        ]
    first = dice.pick(choices)
    return first if dice.chance(0.6) else f"({first}) {dice.pick(('AND', 'OR'))} ({dice.pick(choices)})"
