"""One worker's dealings with the lease table: it watches, decides what to take and ask for, and does it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from contextlib import asynccontextmanager

from shardline.backoff import Backoff
from shardline.clock import Clock
from shardline.errors import LeaseLost, LeaseTableUnavailable
from shardline.leases.assignment import Plan, Sightings, View, plan
from shardline.leases.held import HeldLease
from shardline.leases.table import LeaseTable, table_rows
from shardline.leases.watch import Watch
from shardline.model import AT_TIMESTAMP, LATEST, TRIM_HORIZON, Lease
from shardline.settings import GroupSettings

TAKES_AT_ONCE = 16
_HANDOFF_LOOK_SECONDS = 0.5
_WITHDRAWALS = 3

_log = logging.getLogger(__name__)


class LeaseTaker:
    """Takes and asks for leases on behalf of `worker_id`; every write is conditional on the row as last seen."""

    def __init__(
        self, table: LeaseTable, worker_id: str, settings: GroupSettings, clock: Clock, rng: random.Random
    ) -> None:
        self._table = table
        self._worker_id = worker_id
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._watch = Watch(worker_id, settings.scan_interval_seconds, settings.lease_duration_seconds)
        self._sightings = Sightings()
        self._changed: set[str] = set()
        self._rings = 0
        self._rings_done = 0
        self._ringing = asyncio.Lock()

    @property
    def leases(self) -> list[Lease]:
        """Every lease as last seen."""
        return list(self._watch.leases.values())

    @property
    def workers(self) -> int:
        """How many workers hold leases, this one included."""
        return self._watch.rota.parts

    async def look(self, running: Mapping[str, HeldLease]) -> Plan:
        """Read of the table what is due, and decide. Raises LeaseTableUnavailable."""
        async with self._in_time():
            await self._read(running)
        self._watch.saw_own(held.lease for held in running.values())
        view = View(
            worker=self._worker_id,
            leases=self.leases,
            running=frozenset(running),
            sightings=self._sightings,
            now=self._clock.monotonic(),
            lease_duration=self._settings.lease_duration_seconds,
            handoff_deadline=self._settings.handoff_deadline_seconds,
            rebalance_after=self._settings.rebalance_seconds,
            watches_alone=self._watch.is_divided,
        )
        return plan(view, self._settings.assignment, self._rng.randrange)

    def delay(self, decided: Plan, running: frozenset[str]) -> float:
        """Return how many seconds to wait before the next look."""
        if decided.take and self._settings.assignment == "single_owner":
            return 0.0
        seconds = self._watch.interval(running, self._clock.monotonic()) * self._rng.uniform(0.8, 1.2)
        return min(seconds, _HANDOFF_LOOK_SECONDS) if decided.awaits_handoff else seconds

    async def take(self, leases: Sequence[Lease]) -> list[HeldLease]:
        """Take leases, all at once, each under an epoch of its own; returns those that were still as seen.

        Raises LeaseTableUnavailable only when none was taken.
        """
        taken = await asyncio.gather(*(self._take(lease) for lease in leases), return_exceptions=True)
        held = [each for each in taken if isinstance(each, HeldLease)]
        for failure in taken:
            if isinstance(failure, BaseException):
                self._watch.doubt()
                if not held or not isinstance(failure, LeaseTableUnavailable):
                    raise failure
        return held

    async def ask_for(self, lease: Lease) -> None:
        """Ask the lease's owner to hand it over. Raises LeaseTableUnavailable."""
        async with self._in_time():
            asked = await self._table.ask_for(lease, self._worker_id)
        if asked is None:
            self._watch.doubt()
            return
        _log.info("%s asks %s for %s", self._worker_id, lease.owner, lease.shard_id)
        self._note(asked)

    async def evict(self, leases: Sequence[Lease]) -> None:
        """Free leases that expired, for others to take. Raises LeaseTableUnavailable."""
        async with self._in_time():
            freed = [lease.shard_id for lease in leases if await self._table.evict(lease)]
        self._watch.doubt()
        if freed:
            _log.info("%s leaves to others what expired: %s", self._worker_id, ", ".join(freed))
            await self.ring()

    async def withdraw(self, running: Container[str]) -> None:
        """Give up what was asked for and has not come, or came too late: a worker that stops counts for nothing.

        Tries for as long as a lease lasts; what is left then, others take as expired.
        """
        backoff = Backoff(self._settings.backoff_base_seconds, self._settings.backoff_cap_seconds, self._rng.random)
        try:
            async with asyncio.timeout(self._settings.lease_duration_seconds):
                while True:
                    try:
                        return await self._withdraw_all(running)
                    except LeaseTableUnavailable as error:
                        _log.warning("leases on their way here are not withdrawn yet: %s", error)
                    await self._clock.sleep(backoff.next())
        except TimeoutError:
            _log.warning("leases on their way here are left to expire: the lease table does not answer")

    async def _withdraw_all(self, running: Container[str]) -> None:
        for lease in await self._table.list_leases():
            if lease.owner != self._worker_id or lease.shard_id in running or lease.is_ended:
                continue
            try:
                await self._withdraw(lease.shard_id)
            except LeaseLost as error:
                _log.info("%s is not this worker's to withdraw: %s", lease.shard_id, error)

    async def _withdraw(self, shard_id: str) -> None:
        for _ in range(_WITHDRAWALS):
            lease = await self._table.get(shard_id)
            if lease is None or lease.owner != self._worker_id:
                return
            if not lease.checkpoint_owner or lease.checkpoint_owner == self._worker_id:
                await self._table.release(lease)
                await self.ring()
                return
            if await self._table.withdraw(lease):
                return

    def left(self, lease: Lease) -> None:
        """Note that this worker no longer works on a lease: its row has changed, and others if the shard ended."""
        self._changed.add(lease.shard_id)
        if lease.is_ended:
            self._watch.doubt()

    def doubt(self) -> None:
        """Read the whole table at the next look, consistently: this worker's rows have changed, or the shards."""
        self._watch.doubt()

    async def ring(self) -> None:
        """Tell the other workers that leases may be free; calls that come together share one write.

        Without effect while the table is unavailable: the others read all of it once in a while.
        """
        self._rings += 1
        mine = self._rings
        async with self._ringing:
            if self._rings_done >= mine:
                return
            covered = self._rings
            try:
                async with self._in_time():
                    await self._table.ring()
            except LeaseTableUnavailable as error:
                _log.debug("nobody heard: %s", error)
            self._rings_done = covered

    async def _read(self, running: Mapping[str, HeldLease]) -> None:
        watch, now = self._watch, self._clock.monotonic()
        kind = watch.kind(now)
        if kind == "bell":
            kind = watch.heard(await self._table.hear(), now)
        if kind == "everything":
            await self._read_everything()
        elif kind == "part":
            rota = watch.rota
            for part in rota.own:
                leases = await self._table.scan(part, rota.parts)
                self._sightings.observe(leases, self._clock.monotonic())
                watch.saw_part(leases, now)
        if kind != "everything":
            await self._read_changed(running)

    async def _read_everything(self) -> None:
        """Read all leases; consistently, at twice the price, when what is known is out of date."""
        watch = self._watch
        must_be_fresh, watch.is_doubtful = watch.is_doubtful or bool(self._changed), False
        self._changed.clear()
        try:
            leases = await (self._table.list_leases() if must_be_fresh else self._table.scan())
        except LeaseTableUnavailable:
            watch.is_doubtful |= must_be_fresh
            raise
        now = self._clock.monotonic()
        if must_be_fresh:
            watch.forget_writes()
        self._sightings.update(leases, now)
        watch.saw_everything(leases, now)

    async def _read_changed(self, running: Mapping[str, HeldLease]) -> None:
        """Read what this worker gave up since the last look, and whether leases that were asked for have come."""
        coming = {
            lease.shard_id
            for lease in self._watch.leases.values()
            if lease.owner == self._worker_id and lease.checkpoint_owner and lease.shard_id not in running
        }
        for shard_id in sorted(coming | self._changed):
            lease = await self._table.get(shard_id)
            self._changed.discard(shard_id)
            if lease is None:
                self._watch.doubt()
            else:
                self._note(lease)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Wait no longer for answers than a lease lasts: a connection may hang for minutes, even at a stop."""
        try:
            async with asyncio.timeout(self._settings.lease_duration_seconds):
                yield
        except TimeoutError as error:
            self._watch.doubt()
            raise LeaseTableUnavailable("the lease table does not answer") from error

    def _note(self, lease: Lease) -> None:
        now = self._clock.monotonic()
        self._sightings.observe([lease], now)
        self._watch.wrote(lease, now)

    async def _take(self, lease: Lease) -> HeldLease | None:
        async with self._in_time():
            if not await self._parents_are_done(lease):
                self._watch.doubt()
                return None
            taken_at = self._clock.monotonic()
            epoch = await self._table.next_epoch()
            taken = await self._table.take(lease, self._worker_id, epoch)
        if taken is None:
            self._watch.doubt()
            return None
        _log.info("%s took %s under epoch %d", self._worker_id, taken.shard_id, epoch)
        self._note(taken)
        return HeldLease(self._table, taken, self._clock, self._settings.lease_duration_seconds, taken_at)

    async def _parents_are_done(self, lease: Lease) -> bool:
        """Whether no parent is yet to be read: one that is not known may be missing from a cheap read alone."""
        if lease.checkpoint.sequence_number not in (TRIM_HORIZON, LATEST, AT_TIMESTAMP):
            return True
        unknown = [parent for parent in lease.parents if parent not in self._watch.leases]
        return all(parent.is_ended for parent in (await table_rows(self._table, unknown)).values())
