"""Accumulator laws: no order of adds and merges changes a result, states survive JSON, retract undoes add."""

import json
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql.aggregates import Accumulator
from streaming_sql.aggregates.counting import Count, Extreme
from streaming_sql.aggregates.deviation import Deviation
from streaming_sql.aggregates.distinct import CountedDistinct, Distinct
from streaming_sql.aggregates.exact import fold, total
from streaming_sql.aggregates.hyperloglog import STANDARD_ERROR, ApproxCountDistinct
from streaming_sql.aggregates.ordered import EndValue, ListAgg, OrderedDistinct
from streaming_sql.aggregates.percentile import Percentile
from streaming_sql.aggregates.quantile_sketch import RELATIVE_ERROR, ApproxPercentile, bucket, middle
from streaming_sql.aggregates.totals import Average, Sum
from streaming_sql.types import BIGINT, DOUBLE, INT, STRING, decimal_type

CENTS = decimal_type(10, 2)
_doubles = st.floats(allow_nan=False, allow_infinity=False)
_tame = st.floats(-1e15, 1e15).map(lambda value: value if abs(value) > 1e-100 else 0.0)
_cents = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
_ints = st.integers(-(2**31), 2**31 - 1)
_few = st.sampled_from([-2, 0, 1, 5, 5, 9])
CASES: dict[str, tuple[Accumulator, Any]] = {
    "COUNT": (Count(), _ints),
    "MIN": (Extreme(STRING, greatest=False), st.text(max_size=3)),
    "MAX": (Extreme(CENTS, greatest=True), _cents),
    "SUM of INT": (Sum(INT), _ints),
    "SUM of DECIMAL": (Sum(CENTS), _cents),
    "SUM of DOUBLE": (Sum(DOUBLE), _doubles),
    "AVG of BIGINT": (Average(BIGINT), st.integers(-(2**63), 2**63 - 1)),
    "AVG of DECIMAL": (Average(CENTS), _cents),
    "AVG of DOUBLE": (Average(DOUBLE), _doubles),
    "STDDEV_SAMP of INT": (Deviation(INT, sample=True, root=True), _ints),
    "VAR_POP of DECIMAL": (Deviation(CENTS, sample=False, root=False), _cents),
    "STDDEV_POP of DOUBLE": (Deviation(DOUBLE, sample=False, root=True), _doubles),
    "COUNT(DISTINCT)": (Distinct(Count(), STRING), st.text(max_size=2)),
    "SUM(DISTINCT), counted": (CountedDistinct(Sum(INT), INT), _few),
    "AVG(DISTINCT)": (Distinct(Average(DOUBLE), DOUBLE), _tame),
    "PERCENTILE": (Percentile(0.3), _tame),
    "APPROX_COUNT_DISTINCT": (ApproxCountDistinct(), st.text(max_size=2)),
    "APPROX_PERCENTILE": (ApproxPercentile(0.9), _doubles),
}
every_case = pytest.mark.parametrize(("accumulator", "values"), CASES.values(), ids=list(CASES))
_drawn = st.data()


def added(accumulator: Accumulator, values: list[Any]) -> Any:
    state = accumulator.initial()
    for value in values:
        state = accumulator.add(state, value)
    return state


@every_case
@settings(max_examples=15, deadline=None)
@given(drawn=_drawn, seed=st.integers(0, 2**32))
def test_no_order_of_adds_and_merges_changes_a_result(
    accumulator: Accumulator, values: Any, drawn: Any, seed: int
) -> None:
    """Any split of the values among states, merged in any order and nesting, gives what adding them in turn gives."""
    items = drawn.draw(st.lists(values, max_size=60))
    expected = accumulator.result(added(accumulator, items))
    rng = random.Random(seed)
    rng.shuffle(items)
    states = [accumulator.initial() for _ in range(rng.randrange(1, 5))]
    for item in items:
        place = rng.randrange(len(states))
        states[place] = accumulator.add(states[place], item)
    while len(states) > 1:
        left = states.pop(rng.randrange(len(states)))
        right = states.pop(rng.randrange(len(states)))
        before = json.dumps([accumulator.encode(left), accumulator.encode(right)])
        states.append(accumulator.merge(left, right))
        assert json.dumps([accumulator.encode(left), accumulator.encode(right)]) == before
    assert accumulator.result(states[0]) == expected


@every_case
@settings(max_examples=12, deadline=None)
@given(drawn=_drawn)
def test_a_state_survives_json_and_shares_nothing(accumulator: Accumulator, values: Any, drawn: Any) -> None:
    """decode(encode(state)) goes on as the state does, and neither it nor a copy feels what the other takes in."""
    first, more = drawn.draw(st.lists(values, max_size=50)), drawn.draw(st.lists(values, max_size=50))
    state = added(accumulator, first)
    copied = accumulator.copy(state)
    encoded = json.dumps(accumulator.encode(state))
    restored = accumulator.decode(json.loads(encoded))
    expected = accumulator.result(added(accumulator, first + more))
    before = accumulator.result(copied)
    for value in more:
        state, restored = accumulator.add(state, value), accumulator.add(restored, value)
    assert accumulator.result(state) == accumulator.result(restored) == expected
    assert accumulator.result(copied) == before == accumulator.result(accumulator.decode(json.loads(encoded)))


@pytest.mark.parametrize(
    ("accumulator", "values"),
    [case for case in CASES.values() if case[0].divisible],
    ids=[name for name, case in CASES.items() if case[0].divisible],
)
@settings(max_examples=15, deadline=None)
@given(drawn=_drawn)
def test_a_divisible_state_is_merged_of_its_parts(accumulator: Accumulator, values: Any, drawn: Any) -> None:
    """Its encoded list, cut anywhere, gives states whose merge encodes as the whole."""
    encoded = accumulator.encode(added(accumulator, drawn.draw(st.lists(values, max_size=50))))
    cut = drawn.draw(st.integers(0, len(encoded)))
    left, right = accumulator.decode(encoded[:cut]), accumulator.decode(encoded[cut:])
    assert accumulator.encode(accumulator.merge(left, right)) == encoded


@pytest.mark.parametrize(
    ("accumulator", "values"),
    [case for case in CASES.values() if case[0].retractable],
    ids=[name for name, case in CASES.items() if case[0].retractable],
)
@settings(max_examples=15, deadline=None)
@given(drawn=_drawn, seed=st.integers(0, 2**32))
def test_retract_undoes_add(accumulator: Accumulator, values: Any, drawn: Any, seed: int) -> None:
    """Values taken back in any order leave the result of those that stay."""
    items = drawn.draw(st.lists(st.tuples(values, st.booleans()), max_size=50))
    state = added(accumulator, [value for value, _ in items])
    leaving = [value for value, stays in items if not stays]
    random.Random(seed).shuffle(leaving)
    for value in leaving:
        state = accumulator.retract(state, value)
    assert accumulator.result(state) == accumulator.result(
        added(accumulator, [value for value, stays in items if stays])
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(_doubles, max_size=60))
def test_a_sum_of_doubles_is_the_exact_sum_rounded_once(values: list[float]) -> None:
    """SUM(DOUBLE) is the double nearest to the sum of fractions; NULL where that is no finite double."""
    exact = sum(map(Fraction, values), Fraction(0))
    try:
        expected: float | None = float(exact)
    except OverflowError:
        expected = None
    assert Sum(DOUBLE).result(added(Sum(DOUBLE), values)) == (expected if values else None)
    assert sum(map(Fraction, fold(values)), Fraction(0)) == exact
    assert total(fold(values)) == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(_tame, min_size=2, max_size=60))
def test_a_variance_of_doubles_is_exact(values: list[float]) -> None:
    """VAR_SAMP(DOUBLE) is the variance of fractions, rounded: no cancellation makes it negative or noise."""
    exact = [Fraction(value) for value in values]
    mean = sum(exact, Fraction(0)) / len(exact)
    expected = float(sum(((value - mean) ** 2 for value in exact), Fraction(0)) / (len(exact) - 1))
    accumulator = Deviation(DOUBLE, sample=True, root=False)
    assert accumulator.result(added(accumulator, values)) == pytest.approx(expected, rel=1e-12, abs=1e-300)


Row = tuple[str, int, str]
_rows = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.sampled_from(["s1", "s2", "s3"])), max_size=30
)


@pytest.mark.parametrize(
    "accumulator",
    [
        EndValue(STRING, last=False),
        EndValue(STRING, last=True),
        ListAgg("|"),
        OrderedDistinct(ListAgg("|"), STRING),
        OrderedDistinct(EndValue(STRING, last=True), STRING),
    ],
    ids=["FIRST_VALUE", "LAST_VALUE", "LISTAGG", "LISTAGG(DISTINCT)", "LAST_VALUE(DISTINCT)"],
)
@settings(max_examples=30, deadline=None)
@given(rows=_rows, seed=st.integers(0, 2**32))
def test_only_the_order_within_a_shard_matters(accumulator: Accumulator, rows: list[Row], seed: int) -> None:
    """However shards interleave, and however rows of sessions are split before they are joined, the result is one."""
    numbered = [(item, time, shard, number) for number, (item, time, shard) in enumerate(rows)]
    expected = accumulator.result(added(accumulator, numbered))
    rng = random.Random(seed)
    queues = {shard: [row for row in numbered if row[2] == shard] for shard in ("s1", "s2", "s3")}
    states = [accumulator.initial() for _ in range(rng.randrange(1, 4))]
    number = 0
    while any(queues.values()):
        shard = rng.choice([name for name, queue in queues.items() if queue])
        item, time, _, _ = queues[shard].pop(0)
        place = rng.randrange(len(states))
        states[place] = accumulator.add(states[place], (item, time, shard, number))
        number += 1
    rng.shuffle(states)
    joined = states.pop()
    while states:
        joined = accumulator.join(joined, accumulator.decode(json.loads(json.dumps(accumulator.encode(states.pop())))))
    assert accumulator.result(joined) == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=2), st.integers(0, 9)), max_size=30))
def test_one_shards_list_is_its_arrivals(rows: list[tuple[str, int]]) -> None:
    """LISTAGG of one shard joins in the order of arrival, late rows where they came."""
    arrivals = [(text, time, "s", number) for number, (text, time) in enumerate(rows)]
    assert ListAgg("-").result(added(ListAgg("-"), arrivals)) == ("-".join(text for text, _ in rows) if rows else None)


@pytest.mark.parametrize("count", [0, 1, 10, 400, 600, 5_000, 20_000])
def test_approx_count_distinct_errs_by_its_standard_error(count: int) -> None:
    """Within four standard errors of the truth, sparse and dense, and the same number in every process."""
    accumulator = ApproxCountDistinct()
    state = added(accumulator, [f"user-{number % max(count, 1)}" for number in range(count * 2)])
    assert abs(accumulator.result(state) - count) <= max(1, 4 * STANDARD_ERROR * count)


def test_the_hash_is_the_same_in_every_process() -> None:
    """A fixed input has a fixed estimate: the hash does not depend on PYTHONHASHSEED."""
    accumulator = ApproxCountDistinct()
    assert accumulator.result(added(accumulator, list(range(10_000)))) == 9_809


@settings(max_examples=100, deadline=None)
@given(_doubles.filter(lambda value: value == 0 or abs(value) > 1e-300))
def test_a_buckets_middle_is_near_its_values(value: float) -> None:
    """Each double is within the relative error of the middle of its bucket."""
    assert abs(middle(bucket(value)) - value) <= RELATIVE_ERROR * abs(value)


@settings(max_examples=40, deadline=None)
@given(st.lists(_tame, min_size=1, max_size=50), st.floats(0, 1))
def test_approx_percentile_is_near_the_value_of_its_rank(values: list[float], fraction: float) -> None:
    """Within the relative error of the sorted values' element at that rank."""
    accumulator = ApproxPercentile(fraction)
    wanted = sorted(values)[int(fraction * (len(values) - 1))]
    found = accumulator.result(added(accumulator, values))
    assert abs(found - wanted) <= RELATIVE_ERROR * abs(wanted)


def percentile_of_sorted(values: list[float], fraction: float) -> float:
    position = fraction * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (position - low)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_percentile_interpolates(values: list[float], fraction: float) -> None:
    """PERCENTILE is the linear interpolation at its rank of the sorted values."""
    accumulator = Percentile(fraction)
    expected = percentile_of_sorted(sorted(values), fraction)
    assert accumulator.result(added(accumulator, values)) == pytest.approx(expected, rel=1e-9, abs=1e-6)
