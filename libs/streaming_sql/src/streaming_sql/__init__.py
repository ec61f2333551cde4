"""Streaming SQL compiled to a graph of incremental operators over event time."""

from streaming_sql.engine import Applied, Arrival, Engine, LateRow
from streaming_sql.errors import SqlError, StateError, UnknownShard
from streaming_sql.operators.sink import ResultRow
from streaming_sql.planning.planner import load_program, plan_script
from streaming_sql.program import Program
from streaming_sql.script import run_script

__all__ = [
    "Applied",
    "Arrival",
    "Engine",
    "LateRow",
    "Program",
    "ResultRow",
    "SqlError",
    "StateError",
    "UnknownShard",
    "load_program",
    "plan_script",
    "run_script",
]
