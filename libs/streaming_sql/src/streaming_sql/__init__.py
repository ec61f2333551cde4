"""Streaming SQL compiled to incremental event-time windows."""

from streaming_sql.compile import Program, compile_plan
from streaming_sql.engine import Applied, Engine, LateRow, load_program
from streaming_sql.errors import SqlError, StateError, UnknownShard
from streaming_sql.plan import Plan, plan_script
from streaming_sql.windows import FiredWindow

__all__ = [
    "Applied",
    "Engine",
    "FiredWindow",
    "LateRow",
    "Plan",
    "Program",
    "SqlError",
    "StateError",
    "UnknownShard",
    "compile_plan",
    "load_program",
    "plan_script",
]
