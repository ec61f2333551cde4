"""Parts of programs, what crosses between tasks, and what key groups do with it."""

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from streaming_sql import Program, StateError, load_program
from streaming_sql.distribution import (
    KEY_GROUPS,
    KeyGroup,
    Part,
    References,
    Sender,
    distribute,
    explicit_hash_key,
    groups_between,
    merged_group,
)
from streaming_sql.distribution.keys import key_group
from streaming_sql.distribution.messages import decode_message
from streaming_sql.explain import explain

TABLES = """
CREATE TABLE pays (id STRING, `time` BIGINT, card STRING, shop STRING, amount INT, inner_part ROW<city STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), proc AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'events', 'partition-key' = 'card');
CREATE TABLE logins (id STRING, `time` BIGINT, card STRING, shop STRING,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'others', 'partition-key' = 'card');
CREATE TABLE shops (shop STRING, city STRING, PRIMARY KEY (shop) NOT ENFORCED)
WITH ('connector' = 'filesystem', 'path' = 'shops', 'format' = 'json');
"""
WITH = "WITH ('connector' = 'kinesis', 'stream' = 'aggregates')"
BY = "FROM TABLE(TUMBLE(TABLE {0}, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end"
COUNTED = f"SELECT window_end, {{1}} AS k, COUNT(*) AS n {BY}, {{1}}"
OVER = "SELECT ts, {0}, COUNT(*) OVER (PARTITION BY {0} ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM {1}"
BY_SHOP = COUNTED.format("pays", "shop")


def planned(*queries: str, sinks: str = "at TIMESTAMP(3), k STRING, n BIGINT") -> Program:
    script = TABLES
    for place, query in enumerate(queries):
        script += f"CREATE TABLE found{place} ({sinks}) {WITH};\nINSERT INTO found{place} {query};\n"
    return load_program({"q.sql": script})


def only(query: str, sinks: str = "at TIMESTAMP(3), k STRING, n BIGINT") -> Part:
    (part,) = distribute(planned(query, sinks=sinks))
    return part


@pytest.mark.parametrize(
    ("query", "kind", "sends", "key"),
    [
        ("SELECT ts, card, 1 FROM pays WHERE amount > 3", "local", "", ()),
        (COUNTED.format("pays", "card"), "local", "", ()),
        (BY_SHOP, "keyed", "partials", ("shop",)),
        (COUNTED.format("pays", "inner_part.city"), "keyed", "partials", ("inner_part.city",)),
        (f"SELECT window_end, 'all', COUNT(*) {BY.format('pays')}", "gathered", "partials", ()),
        (COUNTED.format("pays", "shop").replace("COUNT(*)", "CHAR_LENGTH(LAST_VALUE(id))"), "keyed", "rows", ("shop",)),
        (OVER.format("shop", "pays"), "keyed", "rows", ("shop",)),
        (OVER.format("card", "pays"), "local", "", ()),
        (
            "SELECT p.ts, l.id, 1 FROM pays p JOIN logins l ON p.shop = l.card AND l.ts = p.ts",
            "keyed",
            "rows",
            ("logins.card = pays.shop",),
        ),
        (
            "SELECT p.ts, l.id, 1 FROM pays p JOIN logins l ON p.card = l.card AND l.ts = p.ts",
            "keyed",
            "rows",
            ("card",),
        ),
        ("SELECT p.ts, l.id, 1 FROM pays p JOIN pays l ON p.card = l.card AND l.ts = p.ts", "local", "", ()),
        ("SELECT p.ts, l.id, 1 FROM pays p JOIN pays l ON p.card = l.shop AND l.ts = p.ts", "gathered", "rows", ()),
        (
            "SELECT ts, card, n FROM (SELECT ts, card, COUNT(*) OVER (PARTITION BY card, shop ORDER BY ts ROWS BETWEEN "
            "2 PRECEDING AND CURRENT ROW) AS n FROM pays) UNION ALL " + OVER.format("id", "logins"),
            "keyed",
            "rows",
            ("card", "id", "shop"),
        ),
    ],
)
def test_part_of_a_query(query: str, kind: str, sends: str, key: tuple[str, ...]) -> None:
    """Where a query runs, what crosses and by what, follows from the keys of its states in the rows of its scans."""
    columns = (
        "at TIMESTAMP_LTZ(3), k STRING, n BIGINT"
        if "window_end" not in query
        else "at TIMESTAMP(3), k STRING, n BIGINT"
    )
    part = only(query.replace(", 1 FROM", ", CAST(1 AS BIGINT) FROM"), columns)
    assert (part.kind, part.sends, set(part.key)) == (kind, sends, set(key))


@pytest.mark.parametrize(
    ("key", "kind"), [("card", "local"), ("id", "keyed"), ("shouted", "keyed"), ("fixed", "gathered")]
)
def test_rows_that_replace_one_another_have_one_owner(key: str, kind: str) -> None:
    """A query without state into a sink with a PRIMARY KEY: rows of one key meet, else an older one might stay."""
    made = load_program(
        {
            "q.sql": f"{TABLES} CREATE TABLE last_seen (id STRING, card STRING, shouted STRING, fixed STRING, "
            f"PRIMARY KEY ({key}) NOT ENFORCED) {WITH}; "
            "INSERT INTO last_seen SELECT id, card, UPPER(shop), 'x' FROM pays;"
        }
    )
    (part,) = distribute(made)
    assert (part.kind, part.sends) == (kind, "" if kind == "local" else "rows")
    assert kind == "local" or "PRIMARY KEY" in part.why[1]


def test_states_are_sent_by_what_they_all_share() -> None:
    """Windows by shop and card, and then by shop: both states have the shop."""
    inner = f"(SELECT window_start, window_end, shop, card, COUNT(*) AS n {BY.format('pays')}, shop, card)"
    part = only(f"SELECT window_end, shop, SUM(n) FROM {inner} GROUP BY window_start, window_end, shop")
    assert (part.kind, part.sends, part.key) == ("keyed", "partials", ("shop",))


def test_a_part_is_called_by_its_needs_alone() -> None:
    """A query keeps its part, and with it its state, whatever other queries come; those of one need share a part."""
    alone = distribute(planned(BY_SHOP))
    together = distribute(planned(COUNTED.format("pays", "card"), BY_SHOP.replace("n {", "n"), BY_SHOP))
    assert [part.kind for part in together] == ["local", "keyed"]
    assert together[1].name == alone[0].name
    assert len(together[1].program.queries) == 2


def test_explain_tells_parts() -> None:
    """Kind, key, rows or partials, and the reasons."""
    shown = explain(planned(BY_SHOP, COUNTED.format("pays", "card")))
    assert "over many tasks: keyed by shop, in 128 key groups" in shown
    assert "partials cross" in shown
    assert "over many tasks: local" in shown


def test_equal_keys_have_one_group() -> None:
    """Numbers that are equal in SQL go together whatever their type; NULL is a key as well, and no text."""
    assert key_group((1,)) == key_group((1.0,)) == key_group((Decimal("1.00"),)) == key_group((True,))
    assert key_group((0.5,)) == key_group((Decimal("0.50"),))
    assert key_group((0.0,)) == key_group((-0.0,))
    assert key_group((None, "\ud800")) in range(KEY_GROUPS)
    assert len({key_group((f"user-{number}",)) for number in range(4_000)}) == KEY_GROUPS


def test_groups_are_points_among_hash_keys() -> None:
    """Shards that follow each other have each group once, whatever they are cut at."""
    cuts = [0, 1, explicit_hash_key(1), explicit_hash_key(64) + 5, 3 * 2**126, 2**128]
    groups = [group for first, end in pairwise(cuts) for group in groups_between(first, end - 1)]
    assert groups == list(range(KEY_GROUPS))


def pays(*rows: tuple[int, str, str]) -> list[bytes]:
    made = [
        {"id": f"{time}-{card}", "time": time, "card": card, "shop": shop, "amount": 1} for time, card, shop in rows
    ]
    return [json.dumps(row).encode() for row in made]


class Shards:
    """Senders of some shards, and one key group's engine, with nothing between them."""

    def __init__(self, program: Program, *shards: str, group: int) -> None:
        self.parts = distribute(program)
        self.senders = {shard: Sender(self.parts) for shard in shards}
        for shard, sender in self.senders.items():
            sender.open_shard(shard, "events")
        self.number = group
        self.group = KeyGroup(self.parts, dict.fromkeys(shards, "events"))
        self.missed: list[Any] = []
        self.late: list[Any] = []

    def send(self, shard: str, *rows: tuple[int, str, str], **told: Any) -> int:
        """Apply records, and let the group hear of them. How many messages all groups were sent."""
        sender = self.senders[shard]
        self.late += sender.apply(shard, pays(*rows)).late
        sender.advance()
        messages = sender.take(shard, **told)
        for sent in messages:
            if sent.key_group == self.number:
                received = self.group.receive(sent.data)
                self.missed += received.missed
                self.late += received.late
        return len(messages)

    def rows(self) -> list[tuple[Any, ...]]:
        """What came out."""
        return [(row.window_end or row.time, row.values | row.key) for row in self.group.advance()]


GROUP_A = key_group(("a",))


def test_windows_fire_by_the_slowest_shard_and_without_the_idle() -> None:
    """A group waits for every shard; one that is idle stands where the others do, in every group."""
    shards = Shards(planned(BY_SHOP), "s1", "s2", group=GROUP_A)
    shards.send("s1", (1_000, "x", "a"), (30_000, "x", "b"))
    assert shards.rows() == []
    assert shards.send("s2", idle=True) == KEY_GROUPS
    assert shards.rows() == [(10_000, {"k": "a", "n": 1})]
    assert shards.group.watermark == 29_000


def test_when_all_are_idle_the_furthest_says_how_late_it_is() -> None:
    """Each came to rest where its own rows end: a shard that never had a row does not hold the others' windows."""
    shards = Shards(planned(BY_SHOP), "s1", "s2", group=GROUP_A)
    shards.send("s2", idle=True)
    shards.send("s1", (1_000, "x", "a"))
    shards.senders["s1"].let_time_pass(60_000)
    shards.send("s1", idle=True)
    assert shards.rows() == [(10_000, {"k": "a", "n": 1})]


def test_nothing_new_is_not_told() -> None:
    """A shard at rest sends nothing; rows go to their groups, and all hear of a watermark that may fire windows."""
    shards = Shards(planned(BY_SHOP), "s1", group=GROUP_A)
    assert shards.send("s1", (1_000, "x", "a")) == KEY_GROUPS
    assert shards.send("s1") == 0
    assert shards.send("s1", (900, "x", "a")) == 1
    assert shards.send("s1", (2_000, "x", "a")) == 1
    assert shards.send("s1", (10_998, "x", "b")) == 1
    assert shards.send("s1", (10_999, "x", "b")) == KEY_GROUPS
    assert shards.rows() == [(10_000, {"k": "a", "n": 3})]


def test_states_that_go_by_every_millisecond_hear_of_each() -> None:
    """Rows of OVER come out as the watermark reaches them: every move of it is told to all groups."""
    made = planned(OVER.format("shop", "pays"), sinks="at TIMESTAMP_LTZ(3), k STRING, n BIGINT")
    shards = Shards(made, "s1", group=GROUP_A)
    assert shards.send("s1", (1_000, "x", "a")) == KEY_GROUPS
    assert shards.send("s1", (900, "x", "a")) == 1
    assert shards.send("s1", (1_001, "x", "a")) == KEY_GROUPS


def test_time_passes_at_a_silent_shard_until_nothing_can_be_open() -> None:
    """The clock moves its watermark until its last window has passed; then it is at rest."""
    shards = Shards(planned(BY_SHOP), "s1", group=GROUP_A)
    shards.send("s1", (1_000, "x", "a"))
    sender = shards.senders["s1"]
    assert sender.let_time_pass(5_000)
    shards.send("s1")
    assert shards.rows() == []
    assert sender.let_time_pass(12_000)
    shards.send("s1")
    assert len(shards.rows()) == 1
    assert not sender.let_time_pass(90_000)
    assert shards.send("s1") == 0


def test_rows_of_a_shard_that_wakes_are_counted_or_said_to_be_missed() -> None:
    """Partials of windows that fired while their shard was idle are reported with their key and count, not lost."""
    hop = BY_SHOP.replace("TUMBLE", "HOP").replace("INTERVAL '10'", "INTERVAL '5' SECOND, INTERVAL '10'")
    shards = Shards(planned(hop), "s1", "s2", group=GROUP_A)
    shards.send("s2", idle=True)
    shards.send("s1", (1_000, "x", "a"), (11_500, "x", "b"))
    fired = shards.rows()
    assert [end for end, _ in fired] == [5_000, 10_000]
    shards.send("s2", (6_000, "y", "a"), (6_001, "y", "a"), (2_000, "y", "a"))
    assert [(one.query, one.shard, one.key, one.rows, one.window_end) for one in shards.missed] == [
        ("found0", "s2", ("a",), 2, 10_000),
        ("found0", "s2", ("a",), 1, 10_000),
    ]
    shards.send("s1", (40_000, "x", "a"))
    shards.send("s2", (40_000, "x", "a"))
    assert [(end, values["n"]) for end, values in shards.rows() if values["k"] == "a"] == [(15_000, 2)]


def test_rows_that_cross_are_judged_where_they_arrive() -> None:
    """A row of a shard that was set aside is late by where it was moved on to, as in one engine."""
    shards = Shards(
        planned(OVER.format("shop", "pays"), sinks="at TIMESTAMP_LTZ(3), k STRING, n BIGINT"), "s1", "s2", group=GROUP_A
    )
    shards.send("s2", idle=True)
    shards.send("s1", (11_000, "x", "a"))
    shards.rows()
    shards.send("s2", (6_000, "y", "a"))
    assert [(row.shard, row.time, row.watermark, row.row["card"]) for row in shards.late] == [
        ("s2", 6_000, 10_000, "y")
    ]


def test_messages_keep_their_size() -> None:
    """What is too much for one message goes in several, in order, the marks with the last."""
    shards = Shards(
        planned(OVER.format("shop", "pays"), sinks="at TIMESTAMP_LTZ(3), k STRING, n BIGINT"), "s1", group=GROUP_A
    )
    sender = shards.senders["s1"]
    records = pays(*((1_000 + number, f"{number:020}", "a") for number in range(500)))
    sender.apply("s1", records)
    sent = [one.data for one in sender.take("s1", most_bytes=5_000) if one.key_group == GROUP_A]
    messages = [decode_message(data) for data in sent]
    assert [record for message in messages for rows in message.rows for record in rows.records] == records
    assert [message.marks is None for message in messages] == [True] * (len(messages) - 1) + [False]
    assert len(messages) > 8
    assert all(sum(map(len, rows.records)) <= 5_000 for message in messages for rows in message.rows)


def test_another_versions_messages_are_refused() -> None:
    """They are not guessed at."""
    with pytest.raises(StateError, match="form"):
        decode_message(b"\x07...")


def test_parts_that_are_not_known_are_left_out() -> None:
    """A key group of an older program takes what it knows, and says what it left out."""
    both = planned(BY_SHOP, OVER.format("id", "pays").replace("SELECT ts", "SELECT CAST(ts AS TIMESTAMP(3))"))
    shards = Shards(both, "s1", group=GROUP_A)
    older = KeyGroup(distribute(planned(BY_SHOP)), {"s1": "events"})
    sender = shards.senders["s1"]
    sender.apply("s1", pays((1_000, "x", "a"), (2_000, "x", "a")))
    ignored: set[str] = set()
    for sent in sender.take("s1"):
        ignored |= older.receive(sent.data).ignored
    assert len(ignored) == 1
    assert older.size == 1


def test_state_outlives_a_change_of_other_queries() -> None:
    """A query goes on under a program with more queries; one that is gone is said to be discarded."""
    shards = Shards(planned(BY_SHOP), "s1", group=GROUP_A)
    shards.send("s1", (1_000, "x", "a"))
    state = shards.group.snapshot()
    more = KeyGroup(distribute(planned(BY_SHOP, COUNTED.format("logins", "id"))), {})
    assert more.restore(state) == []
    assert more.size == 1
    less = KeyGroup(distribute(planned(COUNTED.format("logins", "id"))), {})
    assert less.restore(state) == ["found0"]
    assert merged_group([state]) == state


def test_rows_that_were_not_taken_are_not_forgotten() -> None:
    """A state without them would lose them: capture refuses."""
    shards = Shards(planned(BY_SHOP), "s1", group=GROUP_A)
    shards.senders["s1"].apply("s1", pays((1_000, "x", "a")))
    with pytest.raises(StateError, match="take"):
        shards.senders["s1"].capture()


def test_reference_tables_are_read_once_for_all_groups() -> None:
    """Groups that share them look up in one index; a group made later has it too."""
    query = (
        "SELECT CAST(c.ts AS TIMESTAMP(3)), s.city, c.n FROM (SELECT ts, shop, proc, COUNT(*) OVER (PARTITION BY shop "
        "ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS n FROM pays) c JOIN shops FOR SYSTEM_TIME AS OF "
        "c.proc AS s ON c.shop = s.shop"
    )
    parts = distribute(planned(query))
    references = References(parts)
    assert references.versions == {"shops": ""}
    assert references.set("shops", "7", b'{"shop": "a", "city": "Ulm"}\nnonsense\n') == [2]
    sender = Sender(parts)
    sender.open_shard("s1", "events")
    sender.apply("s1", pays((1_000, "x", "a"), (9_000, "x", "b")))
    cities = []
    for sent in sender.take("s1"):
        group = KeyGroup(parts, {"s1": "events"}, references)
        group.receive(sent.data)
        cities += [row.values["k"] for row in group.advance()]
    assert cities == ["Ulm"]


def test_a_groups_windows_can_be_looked_at() -> None:
    """A preview shows what is open, and leaves it open."""
    shards = Shards(planned(BY_SHOP), "s1", group=GROUP_A)
    shards.send("s1", (1_000, "x", "a"))
    seen = shards.group.preview("found0")
    assert seen is not None
    assert [row.values["n"] for row in seen.rows()] == [1]
    assert shards.group.preview("unheard of") is None
    assert shards.group.size == 1
