"""A small shop in SQLite whose triggers write every change of a row into a log, in the order of the commits.

The log is read as Debezium change events; how far it was read stands in the same database, so that a restart goes on
where it ended. SQLite has one writer at a time, so the log's numbers follow the commits.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

TABLES = {
    "customers": ("id", "name", "email", "phone", "city"),
    "orders": ("id", "customer_id", "status", "total_cents", "updated_at"),
}
_STEPS = {"placed": "paid", "paid": "shipped", "shipped": "delivered"}
_OLDEST_KEPT = 10_000
_CITIES = ("Lund", "Ghent", "Porto", "Graz", "Cork", "Turin", "Brno", "Lyon")
_GIVEN = ("Ada", "Bruno", "Clara", "Dov", "Elin", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Liam")
_FAMILY = ("Amber", "Birch", "Cedar", "Dahl", "Ember", "Fern", "Grove", "Hazel", "Iris", "Juniper")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT, city TEXT);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, customer_id INTEGER NOT NULL REFERENCES customers (id),
    status TEXT NOT NULL, total_cents INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS change_log (
    lsn INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL, op TEXT NOT NULL, before TEXT, after TEXT,
    ts_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS feed (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_NOW_MS = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the change log; `envelope` is its Debezium change event as JSON text."""

    lsn: int
    envelope: bytes


class ShopDatabase:
    """The shop and its change log. Use as a context manager, from one thread."""

    def __init__(self, path: Path | str) -> None:
        """Open the database, or make it with its tables and triggers."""
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_SCHEMA + "".join(_triggers(table) for table in TABLES))
        self._connection.execute("INSERT OR IGNORE INTO feed VALUES ('database', ?)", (f"shop-{uuid.uuid4().hex[:8]}",))
        self._connection.execute("INSERT OR IGNORE INTO feed VALUES ('cursor', '0')")
        self._name = str(self._feed("database"))

    def __enter__(self) -> "ShopDatabase":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def cursor(self) -> int:
        """The number of the last change that was sent."""
        return int(self._feed("cursor"))

    def run(self, statements: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
        """Execute statements in one transaction: all of their changes are in the log, or none."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, arguments in statements:
                self._connection.execute(statement, arguments)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, query: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._connection.execute(query, arguments).fetchall()

    def changes(self, most: int) -> list[Change]:
        """The changes after the cursor, in the order of their commits."""
        rows = self.rows(
            "SELECT lsn, table_name, op, before, after, ts_ms FROM change_log WHERE lsn > ? ORDER BY lsn LIMIT ?",
            (self.cursor, most),
        )
        return [Change(row[0], self._envelope(*row)) for row in rows]

    def move_cursor(self, lsn: int) -> None:
        """Remember that everything up to this change was accepted, and forget what is long sent."""
        self.run(
            [
                ("UPDATE feed SET value = ? WHERE name = 'cursor'", (str(lsn),)),
                ("DELETE FROM change_log WHERE lsn <= ?", (lsn - _OLDEST_KEPT,)),
            ]
        )

    def _envelope(self, lsn: int, table: str, op: str, before: str | None, after: str | None, ts_ms: int) -> bytes:
        source = {
            "version": sqlite3.sqlite_version,
            "connector": "sqlite",
            "name": "shop",
            "ts_ms": ts_ms,
            "snapshot": "false",
            "db": self._name,
            "table": table,
            "lsn": lsn,
        }
        images = {"before": before and json.loads(before), "after": after and json.loads(after)}
        return orjson.dumps({**images, "source": source, "op": op, "ts_ms": ts_ms})

    def _feed(self, name: str) -> str:
        ((value,),) = self.rows("SELECT value FROM feed WHERE name = ?", (name,))
        return str(value)


class Shop:
    """The business of the shop: a seeded sequence of transactions like customers make them."""

    def __init__(self, database: ShopDatabase, random: Random) -> None:
        self._database = database
        self._random = random

    def trade(self, now_ms: int) -> None:
        """One transaction: a customer comes, orders, moves or cancels; a few change several rows."""
        chance = self._random.random()
        customers = self._some("customers")
        orders = self._some("orders")
        if customers is None or chance < 0.12:
            self._database.run([self._new_customer()])
        elif orders is None or chance < 0.5:
            self._database.run([self._new_order(customers, now_ms)])
        elif chance < 0.85:
            self._database.run(self._next_step(orders, now_ms))
        elif chance < 0.93:
            move = "UPDATE customers SET city = ? WHERE id = ?"
            self._database.run([(move, (self._random.choice(_CITIES), customers))])
        else:
            self._database.run(
                [
                    ("DELETE FROM orders WHERE id = ?", (orders,)),
                    self._new_order(customers, now_ms),
                ]
            )

    def _some(self, table: str) -> int | None:
        """The id of a row of late, or None in an empty table."""
        rows = self._database.rows(f"SELECT id FROM {table} ORDER BY id DESC LIMIT 50")  # noqa: S608  a name of ours
        return int(self._random.choice(rows)[0]) if rows else None

    def _new_customer(self) -> tuple[str, tuple[Any, ...]]:
        name = f"{self._random.choice(_GIVEN)} {self._random.choice(_FAMILY)}"
        email = f"{name.lower().replace(' ', '.')}.{self._random.randrange(10_000)}@example.com"
        phone = f"+00 555 {self._random.randrange(10**6):06}"
        row = (name, email, phone, self._random.choice(_CITIES))
        return "INSERT INTO customers (name, email, phone, city) VALUES (?, ?, ?, ?)", row

    def _new_order(self, customer: int, now_ms: int) -> tuple[str, tuple[Any, ...]]:
        cents = round(self._random.lognormvariate(8, 0.8))
        statement = "INSERT INTO orders (customer_id, status, total_cents, updated_at) VALUES (?, 'placed', ?, ?)"
        return statement, (customer, cents, now_ms)

    def _next_step(self, order: int, now_ms: int) -> list[tuple[str, tuple[Any, ...]]]:
        ((status,),) = self._database.rows("SELECT status FROM orders WHERE id = ?", (order,))
        if status not in _STEPS:
            return [("DELETE FROM orders WHERE id = ?", (order,))]
        return [("UPDATE orders SET status = ?, updated_at = ? WHERE id = ?", (_STEPS[status], now_ms, order))]


def _triggers(table: str) -> str:
    def image(row: str) -> str:
        return "json_object(" + ", ".join(f"'{name}', {row}.{name}" for name in TABLES[table]) + ")"

    def trigger(event: str, op: str, before: str, after: str) -> str:
        values = f"'{table}', '{op}', {before}, {after}, {_NOW_MS}"
        log = f"INSERT INTO change_log (table_name, op, before, after, ts_ms) VALUES ({values})"  # noqa: S608  our names
        return f"CREATE TRIGGER IF NOT EXISTS {table}_{event.lower()} AFTER {event} ON {table} BEGIN {log}; END;\n"

    return (
        trigger("INSERT", "c", "NULL", image("NEW"))
        + trigger("UPDATE", "u", image("OLD"), image("NEW"))
        + trigger("DELETE", "d", image("OLD"), "NULL")
    )
