"""Queries made at random, of constructs that Flink and our engine both take."""

from __future__ import annotations

from dataclasses import dataclass

from agreement import inputs, row_patterns
from agreement.inputs import Dice
from agreement.queries import Run

_NUMBERS = {
    "clicks": ("price", "quantity", "origin.`rank`"),
    "payments": ("amount",),
    "readings": ("level", "small", "battery", "temperature"),
    "logs": ("status", "took"),
    "bid": ("price", "bidder"),
}
_KEYS = {
    "clicks": ("user_id", "kind", "origin.country"),
    "payments": ("card", "user_id", "currency", "approved"),
    "readings": ("device", "door", "small"),
    "logs": ("service", "severity", "status"),
    "bid": ("auction", "bidder", "channel"),
}
_IDENTITY = {"bid": "url"}
_STEPS = (1, 2, 5, 10, 15, 30, 60)
_KINDS = ("dense", "hostile", "gaps", "calendar")
_NOT_JOINED = ("hostile", "calendar")
"""Flink decides late rows of joins by chance, and joins none before 1970."""


@dataclass(frozen=True)
class Case:
    """One query and the seed of its input."""

    number: int
    run: Run
    input_seed: str

    def rows(self, table: str) -> list[bytes]:
        """The input of one table."""
        return inputs.rows(table, self.run.input, self.input_seed)


def case(seed: int, number: int, input_seed: str) -> Case:
    """The case of this number: the same whenever it is asked for.

    What Flink is known to answer wrongly is not asked: see docs/oracle.md (windows with an offset, for one).
    """
    dice = Dice(f"fuzz {seed} {number}")
    kind = Dice(input_seed).pick(_KINDS)
    make = dice.pick((_windowed, _windowed, _session, _over, _over, _ranked, _filtered, _match, _patterned, _joined))
    if kind in _NOT_JOINED and make is _joined:
        make = _windowed
    return Case(number, Run(f"fuzz_{seed}", str(number), (), make(dice), kind), input_seed)


def _windowed(dice: Dice) -> str:
    table = dice.pick(sorted(_NUMBERS))
    step = dice.pick(_STEPS)
    sizes = _interval(step)
    function = dice.pick(("TUMBLE", "HOP", "CUMULATE"))
    if function != "TUMBLE":
        sizes += f", {_interval(step * dice.between(1, 6))}"
    return _grouped(dice, table, f"{function}(TABLE {table}, DESCRIPTOR(ts), {sizes})", [])


def _interval(seconds: int) -> str:
    """Without more digits than Flink takes for each unit."""
    if seconds % 60 == 0:
        return f"INTERVAL '{seconds // 60}' MINUTE"
    return f"INTERVAL '{seconds}' SECOND" if seconds < 100 else f"INTERVAL '{seconds}' SECOND(3)"


def _session(dice: Dice) -> str:
    table = dice.pick(sorted(_NUMBERS))
    key = dice.pick(_KEYS[table][:2])
    gap = dice.pick(_STEPS)
    keyed = "." not in key and dice.chance(0.8)
    partition = f" PARTITION BY {key}" if keyed else ""
    window = f"SESSION(TABLE {table}{partition}, DESCRIPTOR(ts), INTERVAL '{gap}' SECOND)"
    return _grouped(dice, table, window, [key] if keyed else [])


def _grouped(dice: Dice, table: str, window: str, keys: list[str]) -> str:
    if dice.chance(0.6):
        keys = list(dict.fromkeys([*keys, dice.pick(_KEYS[table])]))
    aggregates = [f"{_aggregate(dice, table)} AS a{number}" for number in range(dice.between(1, 4))]
    if not window.startswith("TUMBLE"):  # Flink cannot merge these
        aggregates = [text.replace("FIRST_VALUE", "MAX").replace("LAST_VALUE", "COUNT") for text in aggregates]
    named = [f"{key} AS k{number}" for number, key in enumerate(keys)]
    selected = ", ".join(["window_start", "window_end", *named, *aggregates])
    where = f" WHERE {_condition(dice, table)}" if dice.chance(0.4) else ""
    having = f" HAVING COUNT(*) >= {dice.between(1, 3)}" if dice.chance(0.3) else ""
    group = ", ".join(["window_start", "window_end", *keys])
    return f"SELECT {selected} FROM TABLE({window}){where} GROUP BY {group}{having}"


def _aggregate(dice: Dice, table: str) -> str:
    number, key = dice.pick(_NUMBERS[table]), dice.pick(_KEYS[table])
    call = dice.pick(
        (
            "COUNT(*)",
            f"COUNT({number})",
            f"COUNT(DISTINCT {key})",
            f"SUM({number})",
            f"AVG({number})",
            f"MIN({number})",
            f"MAX({number})",
            f"FIRST_VALUE({number})",
            f"LAST_VALUE({key})",
            f"SUM(DISTINCT {number})",
        )
    )
    return f"{call} FILTER (WHERE {_condition(dice, table)})" if dice.chance(0.25) else call


def _condition(dice: Dice, table: str) -> str:
    number, key = dice.pick(_NUMBERS[table]), dice.pick(_KEYS[table])
    bound = dice.pick((0, 1, 5, 100, 300, 1000))
    one = dice.pick(
        (
            f"{number} > {bound}",
            f"{number} <= {bound}",
            f"{number} BETWEEN {bound} AND {bound + 200}",
            f"{key} IS NOT NULL",
            f"{number} IS NULL",
            f"{number} <> {bound}",
        )
    )
    if dice.chance(0.3):
        one = f"{one} {dice.pick(('AND', 'OR'))} {_condition(dice, table)}"
    return f"NOT ({one})" if dice.chance(0.15) else one


def _over(dice: Dice) -> str:
    table = dice.pick(sorted(_NUMBERS))
    frame = dice.pick(
        (
            f"ROWS BETWEEN {dice.between(1, 8)} PRECEDING AND CURRENT ROW",
            f"RANGE BETWEEN INTERVAL '{dice.pick(_STEPS)}' SECOND PRECEDING AND CURRENT ROW",
            "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
        )
    )
    partition = f"PARTITION BY {dice.pick(_KEYS[table])} " if dice.chance(0.8) else ""
    numbers = [dice.pick(_NUMBERS[table]) for _ in range(3)]
    names = [dice.pick(("COUNT", "SUM", "AVG", "MIN", "MAX")) for _ in numbers]
    calls = [
        f"{name}({number}) OVER w AS a{place}" for place, (name, number) in enumerate(zip(names, numbers, strict=True))
    ]
    where = f" WHERE {_condition(dice, table)}" if dice.chance(0.3) else ""
    window = f"({partition}ORDER BY ts {frame})"
    selected = ", ".join([f"{_IDENTITY.get(table, 'id')} AS row_id", "ts", *calls])
    return f"SELECT {selected} FROM {table}{where} WINDOW w AS {window}"


def _ranked(dice: Dice) -> str:
    table = dice.pick(sorted(_NUMBERS))
    identity, number, key = _IDENTITY.get(table, "id"), dice.pick(_NUMBERS[table]), dice.pick(_KEYS[table])
    order = f"{number} {dice.pick(('ASC', 'DESC'))}, {identity}, `time`"
    step = dice.pick(_STEPS)
    source = f"TABLE(TUMBLE(TABLE {table}, DESCRIPTOR(ts), INTERVAL '{step}' SECOND))" if dice.chance(0.5) else table
    columns = "window_start, window_end" if source != table else key
    inner = f"SELECT {columns} {'AS k' if source == table else ''}, {identity} AS row_id, {number} AS v"
    rank = f"ROW_NUMBER() OVER (PARTITION BY {columns} ORDER BY {order}) AS n"
    outer = "window_start, window_end" if source != table else "k"
    return f"SELECT {outer}, row_id, v, n FROM ({inner}, {rank} FROM {source}) WHERE n <= {dice.between(1, 4)}"


def _filtered(dice: Dice) -> str:
    table = dice.pick(sorted(_NUMBERS))
    numbers = [dice.pick(_NUMBERS[table]) for _ in range(2)]
    sums = f"{numbers[0]} {dice.pick('+-*')} {numbers[1]} AS a, {numbers[0]} / 7 AS b, COALESCE({numbers[1]}, 0) AS c"
    return f"SELECT {_IDENTITY.get(table, 'id')} AS row_id, {sums} FROM {table} WHERE {_condition(dice, table)}"


def _match(dice: Dice) -> str:
    table = dice.pick([name for name in sorted(_NUMBERS) if name != "clicks"])  # Flink refuses A.origin.`rank`
    key, identity = dice.pick(_KEYS[table][:2]), _IDENTITY.get(table, "id")
    quantifier = dice.pick(("", "+", "*", "?", "{2}", "{1,3}", "+?", "*?", "??", "{2,}"))
    if quantifier in ("+", "*", "{2,}", "+?", "*?") and dice.chance(0.3):
        quantifier = "{1,2}"
    within = f" WITHIN INTERVAL '{dice.pick(_STEPS)}' SECOND" if dice.chance(0.4) else ""
    skip = dice.pick(("PAST LAST ROW", "TO NEXT ROW"))
    conditions = ", ".join(f"{name} AS {_of(name, _condition(dice, table), table)}" for name in "ABC")
    return (
        f"SELECT * FROM {table} MATCH_RECOGNIZE (PARTITION BY {key} ORDER BY ts "
        f"MEASURES A.{identity} AS a, COUNT(B.{identity}) AS n, LAST(B.{identity}) AS b, C.{identity} AS c "
        f"ONE ROW PER MATCH AFTER MATCH SKIP {skip} PATTERN (A B{quantifier} C){within} DEFINE {conditions})"
    )


def _patterned(dice: Dice) -> str:
    table = dice.pick([name for name in sorted(_NUMBERS) if name not in _IDENTITY])
    return row_patterns.match(dice, table, _KEYS[table][0], _NUMBERS[table][0])


def _of(variable: str, condition: str, table: str) -> str:
    for column in sorted({*_NUMBERS[table], *_KEYS[table]}, key=len, reverse=True):
        condition = condition.replace(f"{column} ", f"{variable}.{column} ")
    return condition


def _joined(dice: Dice) -> str:
    kind = dice.pick(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
    before, after = dice.between(0, 20), dice.between(0, 20)
    more = " AND p.amount > c.price" if dice.chance(0.3) else ""
    return (
        f"SELECT c.id AS click, p.id AS payment FROM clicks AS c {kind} payments AS p ON c.user_id = p.user_id "
        f"AND c.ts BETWEEN p.ts - INTERVAL '{before}' SECOND AND p.ts + INTERVAL '{after}' SECOND{more}"
    )
