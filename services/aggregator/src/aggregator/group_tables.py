"""The reference tables of the key groups of one exchange shard. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from streaming_sql.distribution import KeyGroup, References


@dataclass(frozen=True)
class GroupTables:
    """What looks rows up for some key groups; a `Looking`.

    Attributes:
        shared: the tables of the key groups of all shards.
        used: the version that these key groups use, by table.
        groups: the key groups.

    """

    shared: References
    used: dict[str, str]
    groups: Collection[KeyGroup]

    @property
    def references(self) -> dict[str, str]:
        """See `Looking`."""
        return {table: self.used.get(table, "") for table in self.shared.versions}

    def set_reference(self, table: str, version: str, data: bytes) -> list[int]:
        """See `Looking`. What another shard's key groups were given already is not read again; "" is nothing."""
        malformed: list[int] = []
        if version and self.shared.versions[table] != version:
            malformed = self.shared.set(table, version, data)
        self.used[table] = version
        for group in self.groups:
            group.refresh()
        return malformed
