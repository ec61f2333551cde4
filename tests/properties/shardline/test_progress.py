"""Checkpoints never pass what is not done, in whatever order batches are done; nor does the state with them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shardline import Checkpoint
from shardline.work.progress import Delivery, Progress


@given(st.data())
def test_the_safe_checkpoint_is_the_end_of_the_longest_done_prefix(data: st.DataObject) -> None:
    """After each step, adding or finishing, compared with the definition; so is the last state within it."""
    progress = Progress()
    weights = data.draw(st.lists(st.integers(0, 50), min_size=1, max_size=30))
    states = [data.draw(st.none() | st.binary(max_size=2)) for _ in weights]
    deliveries: list[Delivery] = []
    finished: set[int] = set()
    while len(finished) < len(weights):
        open_places = [place for place in range(len(deliveries)) if place not in finished]
        can_add = len(deliveries) < len(weights)
        if can_add and (not open_places or data.draw(st.booleans())):
            place = len(deliveries)
            deliveries.append(progress.add(Checkpoint(str(place + 1)), weights[place], weights[place] * 2))
        else:
            place = data.draw(st.sampled_from(open_places))
            progress.done(deliveries[place], states[place])
            progress.done(deliveries[place], b"a second time")
            finished.add(place)
        prefix = next((place for place in range(len(deliveries)) if place not in finished), len(deliveries))
        assert progress.safe == (Checkpoint(str(prefix)) if prefix else None)
        given_states = [state for state in states[:prefix] if state is not None]
        assert progress.state == (given_states[-1] if given_states else None)
        assert progress.prefix == prefix
        in_flight = sum(weights[place] for place in range(len(deliveries)) if place not in finished)
        assert (progress.records_in_flight, progress.bytes_in_flight) == (in_flight, in_flight * 2)
    assert progress.is_idle
