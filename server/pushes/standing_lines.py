"""Every line of the clinic, in memory: read once, kept true by the events, told to any number of clients from here.

So a thousand clients that come back at once cost one query a line at most, and what was known is still told while the
database is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping

from core.errors import HubError, Unavailable, UnknownService
from core.line.tickets import QueueEvent, Snapshot
from server.operations.queue_operations import QueueOperations
from server.pushes.line_feed import KEPT_EVENTS, Delivery, LineFeed

REPLAY_LIMIT = 500
"""Events that are replayed to a client; who missed more gets a snapshot."""


class StandingLines:
    """The lines of one hub.

    Attributes:
        epoch: of the database that they were read from. generation: how often they were read anew.
        snapshots_read: queries for a whole line since the start. snapshots_told: how often one was handed out.
        histories_read: queries for the latest events of a line.
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
        """A service's line; of a new service, one that was never read."""
        found = self._lines.get(service)
        if found is None:
            found = self._lines[service] = LineFeed(service)
        return found

    def known(self, service: str) -> LineFeed:
        """A service's line. Raises UnknownService."""
        found = self._lines.get(service)
        if found is None:
            raise UnknownService(f"There is no service {service}.")
        return found

    def delivered(self) -> dict[str, int]:
        """Each line's newest revision that was handed out."""
        return {line.service: line.delivered for line in self}

    async def begin(self, services: Collection[str], epoch: str) -> None:
        """Reads every line anew; what was held is given up when all are read. Raises HubError."""
        lines = {}
        for service in services:
            line = lines[service] = LineFeed(service)
            line.begin_at(await self._read(service))
        self._lines, self.epoch = lines, epoch
        self.generation += 1

    def doubt_all(self) -> None:
        """Something changed that no event tells: each line is read again before it is told."""
        for line in self:
            line.doubted = True

    async def trusted(self, service: str) -> LineFeed:
        """A line that may be told, read again if it is doubted and the database answers.

        Raises UnknownService, or Unavailable for one that was never read.
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
        """What happened behind a revision; None when that is too much, or in the future. Raises UnknownService."""
        line = self.known(service)
        missing = line.delivered - revision
        if revision > line.revision:
            line.doubted = True  # Another hub may have told of what this one has not heard yet.
        if not 0 <= missing <= REPLAY_LIMIT:
            return None
        if line.since(revision) is None:
            await self._remember(line)
        return line.since(revision)

    async def read_changes(self, revisions: Mapping[str, int]) -> tuple[list[QueueEvent], bool]:
        """The events that this hub has not seen, by the services' newest revisions, at most 500 a line.

        A line that is farther behind is read as a whole: True, and its clients need a snapshot. Raises HubError.
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
        """Reads the events from before this hub followed the line, once for all clients that come back."""
        async with self._reading.setdefault(line.service, asyncio.Lock()):
            if line.remembers:
                return
            behind = max(0, line.delivered - KEPT_EVENTS)
            try:
                events = await self._operations.events_after(line.service, behind, KEPT_EVENTS)
            except HubError:
                return
            self.histories_read += 1
            line.keep_earlier(events)
