"""The open sessions of one GROUP BY, by key and by time; see streaming_sql.operators.session_aggregate."""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from streaming_sql.aggregates.groups import group_functions
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.session_groups import Row, Session, nested_functions
from streaming_sql.operators.shelf import FOREVER, Due, StateKeys
from streaming_sql.operators.window_layout import in_order
from streaming_sql.operators.window_state import RowCodec
from streaming_sql.watermark import NEVER

if TYPE_CHECKING:
    from streaming_sql.operators.session_aggregate import SessionAggregateNode

_NEW: Change = "+I"


_start = attrgetter("start")


class SessionAggregate:
    """The open sessions of one GROUP BY."""

    def __init__(self, node: SessionAggregateNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.node = node
        self._dirty: set[Key] = set()
        if node.partition is None:
            self._functions = group_functions([key.evaluate for key in node.keys], node.aggregates)
        else:
            self._functions = nested_functions(node.partition, node.keys, node.aggregates, node.counted)
        self._key, self._feed = self._functions.key, self._functions.feed
        self._codec = RowCodec(node.keys if node.partition is None else node.partition)
        self._row_codec = RowCodec(node.keys, node.aggregates)
        encode, decode = self._codec.encode_key, self._codec.decode_key
        self.keys = StateKeys((self._functions.key,), encode, decode, 2 + len(node.keys))
        self._gap = node.window.size
        self._patience = 0 if node.local else 1
        self._waits = node.lateness_ms + self._patience
        self._open: dict[Key, list[Session]] = {}
        self._closed: dict[Key, list[Session]] = {}
        self._timers: list[tuple[int, int, Session]] = []
        self._revised: list[Session] = []
        self._period = 0
        self._number = 0
        self._pushed = 0
        self._held = 0
        self._greatest_end = NEVER

    @property
    def dirty(self) -> set[Key]:
        """Keys whose state has changed, or gone."""
        return self._dirty

    @dirty.setter
    def dirty(self, keys: set[Key]) -> None:
        self._dirty = keys
        self._period += 1

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Count a row in."""
        key = self._key(row)
        end = time + self._gap
        passed = watermark - self.node.lateness_ms
        sessions = self._open.get(key)
        if not self.node.local:
            if time <= passed:
                self.late(time, watermark, time)
                return
        elif sessions is not None and sessions[0].end - 1 <= passed:
            sessions = self._close(key, sessions, passed)
        session = None if sessions is None else self._touching(sessions, time, end)
        if session is None:
            if self.node.local and end - 1 <= passed:
                self.late(time, watermark, end)
                return
            session = self._begin(key, time, end)
        else:
            self._stretch(session, time, end)
        group = session.group
        self._number += 1
        if group[-1] != self._period:
            session.group = group = self._functions.copy(group, self._period)
            self._dirty.add(key)
        self._feed(group, row, time, shard, self._number)

    def _close(self, key: Key, sessions: list[Session], passed: int) -> list[Session] | None:
        """Put aside the sessions that the key's shard has passed, though they have yet to fire."""
        count = next((place for place, one in enumerate(sessions) if one.end - 1 > passed), len(sessions))
        self._closed.setdefault(key, []).extend(sessions[:count])
        self._dirty.add(key)
        del sessions[:count]
        if sessions:
            return sessions
        del self._open[key]
        return None

    def _touching(self, sessions: list[Session], start: int, end: int) -> Session | None:
        """The session that a row's own [start, end) touches; two that it touches are made one before."""
        if len(sessions) == 1:
            only = sessions[0]
            return only if only.start <= end and only.end >= start else None
        place = bisect_right(sessions, start, key=_start)
        before = sessions[place - 1] if place and sessions[place - 1].end >= start else None
        after = sessions[place] if place < len(sessions) and sessions[place].start <= end else None
        if before is None or after is None:
            return before or after
        return self._merge(sessions, place, before, after)

    def _merge(self, sessions: list[Session], place: int, before: Session, after: Session) -> Session:
        del sessions[place]
        self._held -= 1
        before.group = self._functions.join(before.group, after.group, self._period)
        before.emitted = before.emitted + after.emitted
        before.end = after.end
        after.gone = True
        self._dirty.add(before.key)
        self._note_change(before)
        return before

    def _begin(self, key: Key, start: int, end: int) -> Session:
        session = Session(key, start, end, self._functions.initial(self._period))
        self._held += 1
        self._greatest_end = max(self._greatest_end, end)
        sessions = self._open.get(key)
        if sessions is None:
            self._open[key] = [session]
        else:
            insort(sessions, session, key=_start)
        self._dirty.add(key)
        self._push(end - 1 + self._patience, session)
        return session

    def _stretch(self, session: Session, start: int, end: int) -> None:
        if end > session.end:
            session.end = end
            self._greatest_end = max(self._greatest_end, end)
            self._dirty.add(session.key)
        if start < session.start:
            session.start = start
            self._dirty.add(session.key)
        if not session.changed:
            self._note_change(session)

    def _note_change(self, session: Session) -> None:
        """A session that has fired has new rows: it fires again, now if it is due."""
        if not session.changed:
            session.changed = True
            self._revised.append(session)

    def _push(self, due: int, session: Session) -> None:
        self._pushed += 1
        heapq.heappush(self._timers, (due, self._pushed, session))

    def advance(self, before: int, now: int, /) -> None:
        """Give out the rows of sessions that have ended or changed, oldest first, and forget what no row can join."""
        due = [session for session in self._revised if not session.gone]
        self._revised.clear()
        timers, wait = self._timers, self._patience
        while timers and timers[0][0] <= now:
            _, _, session = heapq.heappop(timers)
            if session.gone:
                continue
            fires = session.end - 1 + wait
            if fires > now:
                self._push(fires, session)
            elif session.changed:
                due.append(session)
            else:
                self._forget_or_wait(session, now)
        self._give_out([session for session in due if session.end - 1 + wait <= now], before)
        for session in due:
            self._forget_or_wait(session, now)

    def _forget_or_wait(self, session: Session, now: int) -> None:
        ends = session.end - 1 + self._waits
        if ends > now:
            self._push(session.end - 1 + self._patience if session.changed else ends, session)
        elif not session.gone:
            session.gone = True
            self._held -= 1
            self._dirty.add(session.key)
            for held in (self._open, self._closed):
                sessions = held.get(session.key)
                if sessions is not None and session in sessions:
                    sessions.remove(session)
                    if not sessions:
                        del held[session.key]

    def _give_out(self, due: list[Session], watermark: int) -> None:
        by_window: dict[tuple[int, int], dict[Key, Session]] = {}
        for session in due:
            by_window.setdefault((session.end, session.start), {})[session.key] = session
        emit = self.emit
        for end, start in sorted(by_window):
            sessions = by_window[end, start]
            for key in in_order(sessions):
                session = sessions[key]
                rows = self._rows(session)
                for row, change in self._revisions(session, rows) if session.emitted else [(row, _NEW) for row in rows]:
                    emit(row, row[1] - 1, watermark, "", change)
                session.changed = False
                if self.node.lateness_ms:
                    session.emitted = rows
                    self._dirty.add(key)

    def _rows(self, session: Session) -> list[Row]:
        bounds, results = (session.start, session.end), self._functions.results(session.group)
        if self.node.partition is None:
            return [bounds + session.key + results]
        values = dict(results)
        return [bounds + key + values[key] for key in in_order(values)]

    def _revisions(self, session: Session, rows: list[Row]) -> list[tuple[Row, Change]]:
        """What a session that was given out before, perhaps as several shorter ones, gives out now."""
        width = 2 + len(self.node.keys)
        known, now = {row[:width] for row in session.emitted}, {row[:width] for row in rows}
        gone: list[tuple[Row, Change]] = [(row, "-D") for row in session.emitted if row[:width] not in now]
        return gone + [(row, "+U" if row[:width] in known else _NEW) for row in rows]

    def flush_time(self) -> int | None:
        """When the last session is forgotten."""
        return self._greatest_end - 1 + self._waits if self._held else None

    @property
    def size(self) -> int:
        """How many sessions are held."""
        return self._held

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """Of each key its sessions, and the number of the last row."""
        wanted = dict.fromkeys([*self._open, *self._closed]) if keys is None else keys
        held = [
            (
                key,
                [
                    (one.start, one.end, one.group, one.changed, closed, one.emitted)
                    for closed, by_key in ((False, self._open), (True, self._closed))
                    for one in by_key.get(key, ())
                ],
            )
            for key in wanted
        ]
        self._period += 1
        return self._encoded(held, self._number)

    def _encoded(self, held: list[tuple[Key, list[Any]]], number: int) -> Iterator[tuple[Any, Any]]:
        encode, encode_row = self._functions.encode, self._row_codec.encode_row
        for key, sessions in held:
            entries = [
                [start, end, encode(group), changed, closed, [encode_row(row) for row in emitted]]
                for start, end, group, changed, closed, emitted in sessions
            ]
            yield self._codec.encode_key(key), [entries, number] if entries else None

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """The sessions of a snapshot."""
        for encoded, (entries, number) in parts:
            key = self._codec.decode_key(encoded)
            self._number = max(self._number, number)
            for start, end, group, changed, closed, emitted in entries:
                rows = [self._row_codec.decode_row(row) for row in emitted]
                states = self._functions.decode(group, self._period)
                session = Session(key, start, end, states, changed, rows)
                self._held += 1
                self._greatest_end = max(self._greatest_end, end)
                (self._closed if closed else self._open).setdefault(key, []).append(session)
                if changed and rows:
                    self._revised.append(session)
                self._push(end - 1 + self._patience, session)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        dues: list[Due] = []
        for key in keys:
            first, last = FOREVER, NEVER
            for one in [*self._open.pop(key, ()), *self._closed.pop(key, ())]:
                one.gone = True
                self._held -= 1
                forgotten = one.end - 1 + self._waits
                first = min(first, one.end - 1 + self._patience if one.changed else forgotten)
                last = max(last, forgotten)
            dues.append((first, last))
        self._revised = [session for session in self._revised if not session.gone]
        self._timers = [timer for timer in self._timers if not timer[2].gone]
        heapq.heapify(self._timers)
        return dues
