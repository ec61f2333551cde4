"""Every aggregate function by name: what the planner makes of a call, and what the reference says of it.

Flink's own: https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/functions/systemfunctions/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.aggregates.counting import Count, Extreme
from streaming_sql.aggregates.deviation import Deviation
from streaming_sql.aggregates.hyperloglog import ApproxCountDistinct
from streaming_sql.aggregates.ordered import EndValue, ListAgg
from streaming_sql.aggregates.percentile import Percentile
from streaming_sql.aggregates.quantile_sketch import ApproxPercentile
from streaming_sql.aggregates.totals import Average, Sum
from streaming_sql.types import SqlType


@dataclass(frozen=True)
class AggregateFunction:
    """One aggregate function.

    Attributes:
        signature: how it is written; each takes DISTINCT and FILTER (WHERE ...) as well.
        result: the type of its result.
        flink: whether Flink 1.20 has it; a text is the Flink version that it came with.
        takes: the types of its first argument, "any", "numeric" or "STRING".
        parameter: the literal after the first argument, "", "text" or "fraction"; a text may be left out.
        repeats_matter: whether DISTINCT makes a difference.
        make: the accumulator of an argument's type and the literal.

    """

    name: str
    signature: str
    result: str
    description: str
    example: str
    make: Callable[[SqlType, Any], Accumulator]
    flink: bool | str = True
    takes: str = "any"
    parameter: str = ""
    repeats_matter: bool = True


_SUM_TYPE = "the type of x; of DECIMAL(p, s) DECIMAL(38, s)"
_AVERAGE_TYPE = "the type of x; of DECIMAL(p, s) DECIMAL(38, max(6, s))"
_DEVIATION_NOTE = "Of integers it is computed in integers, as Flink does: CAST(x AS DOUBLE) for fractions."


def _deviation(name: str, what: str, *, sample: bool, root: bool) -> AggregateFunction:
    return AggregateFunction(
        name,
        f"{name}(x)",
        _AVERAGE_TYPE,
        f"The {what}; NULL of {'one value or none' if sample else 'none'}. {_DEVIATION_NOTE}",
        f"{name}(CAST(amount AS DOUBLE))",
        lambda kind, _: Deviation(kind, sample=sample, root=root),
        takes="numeric",
    )


_FUNCTIONS = (
    AggregateFunction(
        "COUNT",
        "COUNT(*), COUNT(x), COUNT(DISTINCT x)",
        "BIGINT",
        "The number of rows, of values that are not NULL, or of different ones.",
        "COUNT(DISTINCT user_id) FILTER (WHERE status = 'ok')",
        lambda kind, _: Count(),
    ),
    AggregateFunction(
        "SUM",
        "SUM(x)",
        _SUM_TYPE,
        "The sum; NULL of no values. Integers wrap as in Java; of doubles the exact sum is rounded once.",
        "SUM(amount)",
        lambda kind, _: Sum(kind),
        takes="numeric",
    ),
    AggregateFunction(
        "AVG",
        "AVG(x)",
        _AVERAGE_TYPE,
        "The mean; NULL of no values. Of integers it is cut towards zero: CAST(x AS DOUBLE) for fractions.",
        "AVG(CAST(latency_ms AS DOUBLE))",
        lambda kind, _: Average(kind),
        takes="numeric",
    ),
    AggregateFunction(
        "MIN",
        "MIN(x)",
        "the type of x",
        "The least value; NULL of none.",
        "MIN(amount)",
        lambda kind, _: Extreme(kind, greatest=False),
        repeats_matter=False,
    ),
    AggregateFunction(
        "MAX",
        "MAX(x)",
        "the type of x",
        "The greatest value; NULL of none.",
        "MAX(amount)",
        lambda kind, _: Extreme(kind, greatest=True),
        repeats_matter=False,
    ),
    _deviation("STDDEV_POP", "standard deviation of the population", sample=False, root=True),
    _deviation("STDDEV_SAMP", "standard deviation of the sample", sample=True, root=True),
    _deviation("STDDEV", "standard deviation of the sample", sample=True, root=True),
    _deviation("VAR_POP", "variance of the population", sample=False, root=False),
    _deviation("VAR_SAMP", "variance of the sample", sample=True, root=False),
    _deviation("VARIANCE", "variance of the sample", sample=True, root=False),
    AggregateFunction(
        "FIRST_VALUE",
        "FIRST_VALUE(x)",
        "the type of x",
        "The value that came first; NULL of none. Over shards that share a key: by event time. In Flink not of HOP, "
        "CUMULATE and SESSION windows.",
        "FIRST_VALUE(page)",
        lambda kind, _: EndValue(kind, last=False),
        repeats_matter=False,
    ),
    AggregateFunction(
        "LAST_VALUE",
        "LAST_VALUE(x)",
        "the type of x",
        "The value that came last; NULL of none. Over shards that share a key: by event time. In Flink not of HOP, "
        "CUMULATE and SESSION windows.",
        "LAST_VALUE(page)",
        lambda kind, _: EndValue(kind, last=True),
    ),
    AggregateFunction(
        "LISTAGG",
        "LISTAGG(x [, 'separator'])",
        "STRING",
        "The texts in the order they came, joined by ',' or the separator; NULL of none.",
        "LISTAGG(DISTINCT page, ' > ')",
        lambda kind, separator: ListAgg("," if separator is None else separator),
        takes="STRING",
        parameter="text",
    ),
    AggregateFunction(
        "PERCENTILE",
        "PERCENTILE(x, fraction)",
        "DOUBLE",
        "The exact percentile, between two values by linear interpolation; NULL of no values.",
        "PERCENTILE(latency_ms, 0.95)",
        lambda kind, fraction: Percentile(fraction),
        flink="2.0",
        takes="numeric",
        parameter="fraction",
    ),
    AggregateFunction(
        "APPROX_COUNT_DISTINCT",
        "APPROX_COUNT_DISTINCT(x)",
        "BIGINT",
        "About how many different values (HyperLogLog, standard error 1.6 %), in at most 4 KiB a group.",
        "APPROX_COUNT_DISTINCT(user_id)",
        lambda kind, _: ApproxCountDistinct(),
        flink=False,
        repeats_matter=False,
    ),
    AggregateFunction(
        "APPROX_PERCENTILE",
        "APPROX_PERCENTILE(x, fraction)",
        "DOUBLE",
        "About the percentile, within 0.4 % of a value of that rank; NULL of no values.",
        "APPROX_PERCENTILE(latency_ms, 0.99)",
        lambda kind, fraction: ApproxPercentile(fraction),
        flink=False,
        takes="numeric",
        parameter="fraction",
    ),
)
AGGREGATES: Mapping[str, AggregateFunction] = {function.name: function for function in _FUNCTIONS}
