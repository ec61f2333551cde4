"""Streaming SQL compiled to a graph of incremental operators over event time."""

from streaming_sql.engine import Applied, Engine, LateRow
from streaming_sql.errors import SqlError, StateError, UnknownShard
from streaming_sql.operators.sink import ResultRow
from streaming_sql.partition import HashRange, hash_key
from streaming_sql.planning.planner import load_program, plan_script
from streaming_sql.program import Program
from streaming_sql.records import Arrival
from streaming_sql.reshard import Inheritance, inherit
from streaming_sql.script import run_script
from streaming_sql.state import Captured, merged_state

__all__ = [
    "Applied",
    "Arrival",
    "Captured",
    "Engine",
    "HashRange",
    "Inheritance",
    "LateRow",
    "Program",
    "ResultRow",
    "SqlError",
    "StateError",
    "UnknownShard",
    "hash_key",
    "inherit",
    "load_program",
    "merged_state",
    "plan_script",
    "run_script",
]
