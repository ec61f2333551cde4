"""Which dead letters are meant, what they come to, and what is put back for one. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from delivery import DeadLetter, OriginalElsewhere, decode_letter

_KEY_CHARACTERS = 256  # "PutRecords" in the Kinesis API reference


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A letter whose original is an object in S3."""

    letter: DeadLetter
    bucket: str
    key: str
    sha256: str


Found = DeadLetter | Elsewhere


def read(data: bytes) -> Found:
    """The letter in a record or line; the original is empty where it lies in S3. Raises ValueError where it is none."""
    try:
        return decode_letter(data)
    except OriginalElsewhere as place:
        plain = {**orjson.loads(data), "original": "", "encoding": None}
        return Elsewhere(decode_letter(orjson.dumps(plain)), place.bucket, place.key, place.sha256)


@dataclass(frozen=True, slots=True)
class Choice:
    """Letters of these stages, codes, streams and ids; an empty set means any."""

    stages: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def holds(self, letter: DeadLetter) -> bool:
        """Whether the letter is meant."""
        wanted = (
            (self.stages, letter.stage),
            (self.codes, letter.code),
            (self.streams, letter.stream),
            (self.ids, letter.id),
        )
        return all(not names or value in names for names, value in wanted)


@dataclass(slots=True)
class Summary:
    """How many letters there are by stage, stream and code, each with the message of its last."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    messages: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def add(self, letter: DeadLetter) -> None:
        """Count one."""
        kind = (letter.stage, letter.stream, letter.code)
        self.counts[kind] += 1
        self.messages[kind] = letter.message

    def lines(self) -> Iterator[str]:
        """A line a kind, the most frequent first."""
        yield f"{'letters':>9}  {'stage':<14}{'read from':<22}{'code':<24}last message"
        for (stage, stream, code), count in self.counts.most_common():
            message = self.messages[stage, stream, code].splitlines() or [""]
            yield f"{count:>9}  {stage:<14}{stream:<22}{code:<24}{message[0][:100]}"


class Once:
    """Leaves out what was put back already in this run: a record may have several letters."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def fresh(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """The letters whose record, or part of it, had none before, in order."""
        found = []
        for letter in letters:
            mark = hashlib.sha256(_record(letter).encode("utf-8", "replace")).digest()[:16]
            if mark not in self._seen:
                self._seen.add(mark)
                found.append(letter)
        return found


def _record(letter: DeadLetter) -> str:
    """The letter's id but for the stage, which comes first in it."""
    return letter.id.removeprefix(letter.stage)


def partition_key(letter: DeadLetter) -> str:
    """The event's own key, so that it meets the others of its key; else the letter's, spread evenly."""
    try:
        key = orjson.loads(letter.original)["key"]
    except (ValueError, KeyError, TypeError):
        key = None
    if isinstance(key, str) and key:
        return key[:_KEY_CHARACTERS]
    return hashlib.sha256(letter.id.encode("utf-8", "replace")).hexdigest()
