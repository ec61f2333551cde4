"""Aggregate functions: accumulators that grow by one value and merge, and the calls of them in SQL."""

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.aggregates.calls import Aggregate, aggregate_name, compile_aggregate, is_aggregate
from streaming_sql.aggregates.registry import AGGREGATES, AggregateFunction
from streaming_sql.aggregates.values import decode_value, encode_value

__all__ = [
    "AGGREGATES",
    "Accumulator",
    "Aggregate",
    "AggregateFunction",
    "aggregate_name",
    "compile_aggregate",
    "decode_value",
    "encode_value",
    "is_aggregate",
]
