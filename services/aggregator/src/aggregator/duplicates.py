"""Which events are counted in already: a stage before this one delivers at least once, so an event may come twice.

An event is known by its tenant and id, and remembered for as long as one of its windows may be open, and a while
longer. Pure; the memory is part of the committed state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

_BUCKET_MS = 10_000
_DIGEST_BYTES = 8
"""Two of a million remembered events are taken for one with a chance of about 3 in 10^8."""


class _Identity(msgspec.Struct):
    id: str
    time: int
    tenant: str = ""


_decode = msgspec.json.Decoder(_Identity).decode


class SeenEvents:
    """The identities of events up to `remember_ms` of event time behind the newest; 0 remembers none."""

    def __init__(self, remember_ms: int) -> None:
        self._remember_ms = remember_ms
        self._newest = 0
        self._buckets: dict[int, set[bytes]] = {}
        self._logs: dict[int, bytearray] = {}
        self._captured: dict[int, int] = {}

    def remember(self, remember_ms: int) -> None:
        """Remember for so long from now on."""
        self._remember_ms = remember_ms
        self._forget()

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def is_new(self, data: bytes) -> bool:
        """Whether an event, as JSON, has not been asked about before. True for what is no event or too old to tell."""
        if not self._remember_ms:
            return True
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return True
        if event.time > self._newest:
            self._newest = event.time
            self._forget()
        number = event.time // _BUCKET_MS
        if number < self._oldest():
            return True
        identity = f"{event.tenant}|{event.id}".encode(errors="surrogatepass")
        digest = hashlib.blake2b(identity, digest_size=_DIGEST_BYTES).digest()
        bucket = self._buckets.setdefault(number, set())
        if digest in bucket:
            return False
        bucket.add(digest)
        self._logs.setdefault(number, bytearray()).extend(digest)
        return True

    def capture(self, *, changes: bool = False) -> dict[int, bytes]:
        """The digests of each ten seconds of event time: all, or those learnt since the last capture."""
        before, self._captured = self._captured, {number: len(log) for number, log in self._logs.items()}
        if not changes:
            return {number: bytes(log) for number, log in self._logs.items()}
        fresh = {number: bytes(log[before.get(number, 0) :]) for number, log in self._logs.items()}
        return {number: seen for number, seen in fresh.items() if seen}

    def restore(self, captured: Mapping[int, bytes]) -> None:
        """Remember what a capture says, too; of several the oldest first."""
        for number, seen in captured.items():
            digests = {seen[at : at + _DIGEST_BYTES] for at in range(0, len(seen), _DIGEST_BYTES)}
            self._buckets.setdefault(number, set()).update(digests)
            self._logs.setdefault(number, bytearray()).extend(seen)
            self._newest = max(self._newest, number * _BUCKET_MS)
        self._forget()

    def _oldest(self) -> int:
        return (self._newest - self._remember_ms) // _BUCKET_MS

    def _forget(self) -> None:
        oldest = self._oldest()
        if self._buckets and min(self._buckets) < oldest:
            self._buckets = {number: seen for number, seen in self._buckets.items() if number >= oldest}
            self._logs = {number: log for number, log in self._logs.items() if number >= oldest}
