"""Where the state of one shard's unit comes from: its own last commit, or its parents' after a split or merge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.receiver import ReceiverState, inherited_receiver, restored_receiver
from aggregator.rows import SOURCE
from aggregator.source import SourceState, inherited_source, new_source, restored_source
from aggregator.state import readable_shards
from aggregator.state_store import StateStore
from aggregator.unit import Running, UnitState
from shardline import Batch, Lease, ShardLease
from streaming_sql import HashRange
from streaming_sql.distribution import groups_between

Leases = Callable[[], Awaitable[list[Lease]]]


@dataclass(frozen=True)
class Ancestry:
    """The units of one stream's shards in the store, and the leases that tell which of them are over.

    `store` is the application's, `kind` the prefix of its units' names.
    """

    store: StateStore
    kind: str
    leases: Leases

    def of(self, shard: str) -> StateStore:
        """A shard's state."""
        return self.store.unit(f"{self.kind}/{shard}")

    async def parents(self, lease: ShardLease) -> dict[str, Sequence[bytes]]:
        """The last committed chains of the shard's parents, as far as they had a unit.

        They are final: a shard starts after each of its parents has committed, delivered and ended.
        """
        found: dict[str, Sequence[bytes]] = {}
        for parent in lease.parents:
            store = self.of(parent)
            pointer = await store.peek()
            if pointer.generation:
                found[parent] = await store.load(pointer)
        return found

    async def hashes(self, shard: str) -> HashRange:
        """The hash keys of a shard; all of them where its lease does not tell."""
        for lease in await self.leases():
            if lease.shard_id == shard and lease.starting_hash_key is not None and lease.ending_hash_key is not None:
                return HashRange(lease.starting_hash_key, lease.ending_hash_key)
        return HashRange()

    async def sweep(self, heirs: Mapping[str, Sequence[str]]) -> list[str]:
        """Delete the states of parents that no child needs any more; `heirs` are their children. Returns the parents.

        A parent's lease goes once all its children are under way. Where it went because Kinesis no longer keeps the
        shard, a child may still have to begin: then the state stays.
        """
        if not heirs:
            return []
        leased = {lease.shard_id for lease in await self.leases()}
        swept = []
        for parent, children in heirs.items():
            waiting = [child for child in children if child in leased and await self._is_new(child)]
            if parent not in leased and not waiting:
                await self.of(parent).remove()
                swept.append(parent)
        return swept

    async def _is_new(self, shard: str) -> bool:
        return not (await self.of(shard).peek()).generation


def awaited_shards(leases: Iterable[Lease]) -> set[str]:
    """The source shards that a key group must wait for which has heard of none.

    Those that can be read. And what one that has ended had sent may be still to come: before what those that follow it
    send, so these are awaited, though they may wait for another parent; or, where one of them has no lease yet, since a
    parent of it has none, the ended one itself.
    """
    leased = {lease.shard_id: lease for lease in leases}
    ended = {shard: lease for shard, lease in leased.items() if lease.is_ended}
    following = {
        shard for shard, lease in leased.items() if shard not in ended and not ended.keys().isdisjoint(lease.parents)
    }
    unfollowed = {shard for shard, lease in ended.items() if not leased.keys() >= set(lease.children)}
    return readable_shards(leased.values()) | following | unfollowed


class SourceOrigin:
    """Makes the state of a source shard; an `Origin`."""

    def __init__(self, ancestry: Ancestry, application: str) -> None:
        self._ancestry = ancestry
        self._application = application
        self._state: SourceState | None = None

    async def begin(self, running: Running, lease: ShardLease, chain: Sequence[bytes]) -> tuple[UnitState, list[str]]:
        """See `Origin`."""
        shard, application = lease.shard_id, self._application
        if chain:
            state, discarded = restored_source(running, shard, application, chain)
        elif parents := await self._ancestry.parents(lease):
            hashes = await self._ancestry.hashes(shard)
            state, discarded = inherited_source(running, shard, application, parents, hashes)
        else:
            state, discarded = new_source(running, shard, application), []
            running.prepare(state.sender)
        self._state = state
        return state, discarded

    async def before(self) -> None:
        """See `Origin`: nothing is missing."""

    def after(self, batch: Batch) -> None:
        """See `Origin`: nothing follows."""

    async def tidy(self) -> None:
        """See `Origin`."""
        if self._state is not None:
            for parent in await self._ancestry.sweep(self._state.heirs):
                del self._state.heirs[parent]


class ReceiverOrigin:
    """Makes the state of an exchange shard; an `Origin`. `sources` lists the leases of the source shards."""

    def __init__(self, ancestry: Ancestry, application: str, sources: Leases) -> None:
        self._ancestry = ancestry
        self._application = application
        self._sources = sources
        self._state: ReceiverState | None = None
        self._suspected: frozenset[str] = frozenset()
        self._gone: frozenset[str] = frozenset()

    async def begin(self, running: Running, lease: ShardLease, chain: Sequence[bytes]) -> tuple[UnitState, list[str]]:
        """See `Origin`."""
        hashes = await self._ancestry.hashes(lease.shard_id)
        wanted = groups_between(hashes.first, hashes.last)
        if chain:
            state, discarded = restored_receiver(self._application, running, wanted, chain)
        else:
            state, discarded = inherited_receiver(
                self._application, running, wanted, await self._ancestry.parents(lease)
            )
        self._state = state
        return state, discarded

    async def before(self) -> None:
        """See `Origin`: a key group begins with every source shard that can be read. There are messages, so leases."""
        if self._state is not None and self._state.is_expecting:
            self._state.sources = dict.fromkeys(awaited_shards(await self._sources()), SOURCE)

    def after(self, batch: Batch) -> None:
        """See `Origin`: once caught up, nothing of the shards that are gone can still come."""
        if self._gone and self._state is not None and not batch.millis_behind_latest:
            self._state.close(self._gone)
            self._gone = frozenset()

    async def tidy(self) -> None:
        """See `Origin`: also find the source shards that will never tell of their end, having expired unread.

        Those that are awaited here without a lease, twice in turn: what they had sent has long been in the stream then.
        """
        state = self._state
        if state is None:
            return
        for parent in await self._ancestry.sweep(state.heirs):
            del state.heirs[parent]
        leases = await self._sources()
        if any(lease.shard_id in state.told and not lease.is_ended for lease in leases):
            return  # its children have no leases yet
        state.sources = dict.fromkeys(awaited_shards(leases), SOURCE)
        leased = {lease.shard_id for lease in leases}
        state.forget()
        missing = state.awaited - leased
        self._suspected, self._gone = missing, self._suspected & missing


__all__ = ["Ancestry", "ReceiverOrigin", "SourceOrigin", "awaited_shards"]
