"""A shelf in memory: what the disk store of the aggregator promises, in a few lines."""

from collections.abc import Iterable, Iterator

from streaming_sql.operators.shelf import Bound, Shelved
from streaming_sql.watermark import NEVER


class MemoryShelf:
    """States by key. Counts what was put down and taken back."""

    def __init__(self) -> None:
        self._held: dict[bytes, Shelved] = {}
        self.put_down = 0
        self.taken_back = 0

    def check(self) -> None:
        """Memory does not fail."""

    def put(self, states: Iterable[Shelved]) -> None:
        for state in states:
            assert state[0] not in self._held
            self._held[state[0]] = state
            self.put_down += 1

    def take(self, key: bytes) -> bytes | None:
        found = self._held.pop(key, None)
        self.taken_back += found is not None
        return None if found is None else found[1]

    def read(self, key: bytes) -> bytes | None:
        found = self._held.get(key)
        return None if found is None else found[1]

    def take_due(self, now: int, most: int) -> list[tuple[bytes, bytes]]:
        due = sorted((state for state in self._held.values() if state[2] <= now), key=lambda state: state[2])[:most]
        return [self._held.pop(state[0])[:2] for state in due]

    def all(self) -> Iterator[tuple[bytes, bytes]]:
        return iter([state[:2] for state in self._held.values()])

    def last(self) -> int:
        return max((state[3] for state in self._held.values()), default=NEVER)

    def __len__(self) -> int:
        return len(self._held)


def memory_bound(keys: int, shelves: list[MemoryShelf] | None = None) -> Bound:
    """A bound whose shelves are noted."""
    made = [] if shelves is None else shelves

    def shelf(name: str) -> MemoryShelf:
        made.append(MemoryShelf())
        return made[-1]

    return Bound(keys, shelf)
