from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from local_aws.firehose.buffers import Batch, Buffer, Hints

STEPS = st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=8)), max_size=60)
"""(milliseconds since the step before, a record)"""


def run(size: int, interval: int, steps: list[tuple[int, bytes]]) -> tuple[list[Batch], list[int]]:
    """Play the steps, asking for what is due at every millisecond at which something can be."""
    ids = count()
    buffer = Buffer(Hints(size, interval), lambda: str(next(ids)))
    batches: list[Batch] = []
    closed_at: list[int] = []
    now = 0
    for pause, record in steps:
        due_at = buffer.due_at
        if due_at is not None and due_at <= now + pause and (due := buffer.due(due_at)):
            batches.append(due)
            closed_at.append(due_at)
        now += pause
        if full := buffer.add(record, now):
            batches.append(full)
            closed_at.append(now)
    if last := buffer.close():
        batches.append(last)
        closed_at.append(now)
    return batches, closed_at


@given(st.integers(1, 40), st.integers(1, 900), STEPS)
def test_every_record_is_in_one_batch_in_order(size: int, interval: int, steps: list[tuple[int, bytes]]) -> None:
    """Nothing is lost, repeated or reordered, whatever the sizes and times."""
    batches, _ = run(size, interval, steps)
    assert [record for batch in batches for record in batch.records] == [record for _, record in steps]
    assert len({batch.id for batch in batches}) == len(batches)


@given(st.integers(1, 40), st.integers(1, 900), STEPS)
def test_only_the_last_record_may_pass_the_size(size: int, interval: int, steps: list[tuple[int, bytes]]) -> None:
    """A batch without its last record is below the size; its count of bytes is right."""
    for batch in run(size, interval, steps)[0]:
        assert batch.size == len(batch.contents())
        assert batch.size - len(batch.records[-1]) < size


@given(st.integers(1, 40), st.integers(1, 900), STEPS)
def test_no_batch_is_held_longer_than_its_interval(size: int, interval: int, steps: list[tuple[int, bytes]]) -> None:
    """When asked at every due time, each batch leaves at most its interval after its first record."""
    for batch, closed in zip(*run(size, interval, steps), strict=True):
        assert closed - batch.arrived <= interval
