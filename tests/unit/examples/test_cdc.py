import argparse
import asyncio
import sqlite3
from pathlib import Path
from random import Random

import orjson
import pytest
from cdc import feed
from shop_database import Shop, ShopDatabase

from event_contract import Event, recognise

NEW_CUSTOMER = "INSERT INTO customers (name, email, phone, city) VALUES ('Ada', 'a@example.com', NULL, 'Lund')"


def envelopes(database: ShopDatabase) -> list[dict[str, object]]:
    return [orjson.loads(change.envelope) for change in database.changes(1000)]


def test_every_insert_update_and_delete_gives_one_envelope_in_order(tmp_path: Path) -> None:
    """The images are the rows before and after, the operations Debezium's letters."""
    with ShopDatabase(tmp_path / "shop.db") as database:
        database.run([(NEW_CUSTOMER, ())])
        database.run([("UPDATE customers SET city = 'Porto' WHERE id = 1", ())])
        database.run([("DELETE FROM customers WHERE id = 1", ())])
        created, updated, deleted = envelopes(database)
    row = {"id": 1, "name": "Ada", "email": "a@example.com", "phone": None, "city": "Lund"}
    assert (created["op"], created["before"], created["after"]) == ("c", None, row)
    assert (updated["op"], updated["before"], updated["after"]) == ("u", row, {**row, "city": "Porto"})
    assert (deleted["op"], deleted["before"], deleted["after"]) == ("d", {**row, "city": "Porto"}, None)


def test_a_statement_over_many_rows_gives_one_envelope_a_row(tmp_path: Path) -> None:
    """Triggers fire for each row, as a log of the database itself would."""
    with ShopDatabase(tmp_path / "shop.db") as database:
        database.run([(NEW_CUSTOMER, ())] * 3)
        database.run([("UPDATE customers SET city = 'Graz'", ())])
        assert [envelope["op"] for envelope in envelopes(database)] == ["c"] * 3 + ["u"] * 3


def test_a_transaction_that_fails_leaves_no_change(tmp_path: Path) -> None:
    """What was rolled back never happened, in the log either."""
    with ShopDatabase(tmp_path / "shop.db") as database:
        with pytest.raises(sqlite3.IntegrityError):
            database.run([(NEW_CUSTOMER, ()), ("INSERT INTO orders VALUES (1, 999, 'placed', 1, 1)", ())])
        assert envelopes(database) == []


def test_a_restart_goes_on_behind_the_cursor(tmp_path: Path) -> None:
    """What was accepted is not sent again, what was not is; the database keeps its name."""
    path = tmp_path / "shop.db"
    with ShopDatabase(path) as database:
        database.run([(NEW_CUSTOMER, ())] * 3)
        first, second, third = database.changes(10)
        database.move_cursor(first.lsn)
    with ShopDatabase(path) as database:
        assert database.changes(10) == [second, third]
        database.move_cursor(third.lsn)
        assert database.changes(10) == []


def test_the_same_change_is_the_same_event_and_each_change_its_own() -> None:
    """Ids follow from the database and the number of the change, so sending again is harmless."""
    ids = []
    for _ in range(2):
        with ShopDatabase(":memory:") as database:
            database.run([(NEW_CUSTOMER, ())] * 2)
            for change in (*database.changes(10), *database.changes(10)):
                event = recognise(change.envelope, arrived_ms=2_000_000_000_000)
                assert isinstance(event, Event)
                assert event.type == "cdc.customers"
                ids.append(event.id)
    assert ids[:2] == ids[2:4]
    assert ids[4:6] == ids[6:8]
    assert len(set(ids)) == 4


def test_trading_is_seeded_and_every_row_is_in_the_log(tmp_path: Path) -> None:
    """Replaying the log gives the very tables; the same seed trades the same."""
    logs = []
    for name in ("one.db", "two.db"):
        with ShopDatabase(tmp_path / name) as database:
            shop = Shop(database, Random(7))
            for now in range(300):
                shop.trade(now)
            changes = envelopes(database)
            replayed: dict[str, dict[int, object]] = {"customers": {}, "orders": {}}
            for change in changes:
                source, before, after = change["source"], change["before"], change["after"]
                assert isinstance(source, dict)
                table = replayed[source["table"]]
                if isinstance(before, dict):
                    assert table.pop(before["id"]) == before
                if isinstance(after, dict):
                    table[after["id"]] = after
            for table_name, rows in replayed.items():
                stored = database.rows(f"SELECT * FROM {table_name} ORDER BY id")
                assert [tuple(rows[key].values()) for key in sorted(rows)] == stored  # type: ignore[attr-defined]
            logs.append([(change["op"], change["before"], change["after"]) for change in changes])
    assert logs[0] == logs[1]
    assert {op for op, _, _ in logs[0]} == {"c", "u", "d"}


async def test_the_cursor_moves_only_when_a_batch_was_taken(tmp_path: Path) -> None:
    """The feed remembers behind its yield: a batch that was given up comes again."""
    path = tmp_path / "shop.db"
    options = argparse.Namespace(database=path, seed=1, rate=40.0, batch=2)
    batches = feed(options, asyncio.Event())
    first = await anext(batches)
    second = await anext(batches)
    await batches.aclose()  # type: ignore[attr-defined]
    with ShopDatabase(path) as database:
        assert [change.envelope for change in database.changes(len(second))] == list(second)
        assert first != second
