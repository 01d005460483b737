"""Every line of the clinic in memory: read once, then updated by events; snapshots for all clients are made from it.

So 1,000 clients that reconnect at once cost at most one query a line. While the database is unreachable, clients get the
last known lines, marked stale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping

from core.errors import HubError, Unavailable, UnknownService
from core.line.tickets import QueueEvent, Snapshot
from server.operations.queue_operations import QueueOperations
from server.pushes.line_feed import KEPT_EVENTS, Delivery, LineFeed

REPLAY_LIMIT = 500
"""Events replayed to a client; a client that missed more gets a snapshot."""


class StandingLines:
    """The lines of one hub.

    Attributes:
        epoch: epoch of the database that the lines were read from.
        generation: number of times `begin` has replaced all lines.
        snapshots_read: queries for a whole line since the start.
        snapshots_told: lines returned by `trusted` since the start.
        histories_read: queries for the latest events of a line since the start.
    """

    def __init__(self, operations: QueueOperations) -> None:
        self.epoch = ""
        self.generation = 0
        self.snapshots_read = 0
        self.snapshots_told = 0
        self.histories_read = 0
        self._operations = operations
        self._lines: dict[str, LineFeed] = {}
        self._reading: dict[str, asyncio.Lock] = {}

    def __iter__(self) -> Iterator[LineFeed]:
        return iter(list(self._lines.values()))

    def line(self, service: str) -> LineFeed:
        """A service's line; for a new service, an unread line."""
        line = self._lines.get(service)
        if line is None:
            line = self._lines[service] = LineFeed(service)
        return line

    def known(self, service: str) -> LineFeed:
        """A service's line. Raises UnknownService."""
        line = self._lines.get(service)
        if line is None:
            raise UnknownService(f"There is no service {service}.")
        return line

    def delivered(self) -> dict[str, int]:
        """Service code -> newest delivered revision."""
        return {line.service: line.delivered for line in self}

    async def begin(self, services: Collection[str], epoch: str) -> None:
        """Reads every line, then replaces all lines at once. Raises HubError and keeps the old lines."""
        lines = {}
        for service in services:
            line = lines[service] = LineFeed(service)
            line.begin_at(await self._read(service))
        self._lines, self.epoch = lines, epoch
        self.generation += 1

    def doubt_all(self) -> None:
        """Marks every line for a new read before its next snapshot: something changed that no event reports."""
        for line in self:
            line.doubted = True

    async def trusted(self, service: str) -> LineFeed:
        """A line whose snapshot may be sent: read again if it is doubted and the database answers.

        Raises UnknownService; Unavailable if the line was never read, or the database was replaced meanwhile.
        """
        line = self.known(service)
        async with self._reading.setdefault(service, asyncio.Lock()):
            while line.doubted:
                try:
                    whole = await self._read(service)
                except Unavailable:
                    if not line.known:
                        raise
                    break
                if whole.epoch != self.epoch:
                    raise Unavailable("The database was replaced this moment.", retry_after=1)
                line.hold(whole)
        self.snapshots_told += 1
        return line

    async def missed(self, service: str, revision: int) -> list[Delivery] | None:
        """Events after `revision`. Raises UnknownService.

        None if they are more than `REPLAY_LIMIT`, if some are not kept, or if `revision` is newer than `delivered`.
        """
        line = self.known(service)
        missing = line.delivered - revision
        if revision > line.revision:
            line.doubted = (
                True  # The client's former hub may have sent a revision that this hub has not read yet.
            )
        if not 0 <= missing <= REPLAY_LIMIT:
            return None
        if line.since(revision) is None:
            await self._remember(line)
        return line.since(revision)

    async def read_changes(self, revisions: Mapping[str, int]) -> tuple[list[QueueEvent], bool]:
        """Reads the events missing up to `revisions` (service code -> newest revision), at most `REPLAY_LIMIT` a line.

        A line that misses more is read as a whole; the second value is then True, and its clients need a snapshot. Raises
        HubError.
        """
        events: list[QueueEvent] = []
        jumped = False
        for service, revision in revisions.items():
            line = self.line(service)
            if revision > line.delivered + REPLAY_LIMIT:
                line.begin_at(await self._read(service))
                jumped = True
            elif revision > line.delivered:
                events += await self._operations.events_after(service, line.delivered, REPLAY_LIMIT)
        return events, jumped

    async def _read(self, service: str) -> Snapshot:
        self.snapshots_read += 1
        return await self._operations.whole_line(service)

    async def _remember(self, line: LineFeed) -> None:
        """Reads the line's latest events from before it was read, once for all clients that reconnect."""
        async with self._reading.setdefault(line.service, asyncio.Lock()):
            if line.remembers:
                return
            oldest = max(0, line.delivered - KEPT_EVENTS)
            try:
                events = await self._operations.events_after(line.service, oldest, KEPT_EVENTS)
            except HubError:
                return
            self.histories_read += 1
            line.keep_earlier(events)
