"""Tells clients of committed events: puts them in order by revision and writes each, once encoded, to every follower.

A flush is due as soon as the loop comes round: behind the reply to the operation, and once for all operations that
ended meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from time import perf_counter

from core.line.tickets import QueueEvent
from server.database.calls import Database
from server.pushes.list_pushes import ListPushes
from server.pushes.standing_lines import StandingLines
from server.pushes.subscribers import Subscribers


class EventPushes:
    """The `queue.event` pushes of one hub.

    Attributes:
        published: number of events delivered since the start.
        latency: seconds from the latest operation's return to the write to the last client.
        on_published: called with that latency and the events of each flush.
        on_other_history: called when the database may be another than the one that the lines were read from.
    """

    def __init__(
        self, database: Database, lines: StandingLines, lists: ListPushes, subscribers: Subscribers
    ) -> None:
        self.published = 0
        self.latency = 0.0
        self.on_published: Callable[[float, Collection[QueueEvent]], None] = lambda _seconds, _events: None
        self.on_other_history: Callable[[], None] = lambda: None
        self._database = database
        self._lines = lines
        self._lists = lists
        self._subscribers = subscribers
        self._flush_due = False
        self._taken_at = 0.0

    @property
    def backlog(self) -> int:
        """Number of events that wait for an earlier one."""
        return sum(len(line.early) for line in self._lines)

    def take(self, events: Iterable[QueueEvent]) -> None:
        """Takes committed events, in any order, each any number of times; they are pushed by the next flush."""
        for event in events:
            self._lines.line(event.service).offer(event)
        if not self._flush_due:
            self._flush_due = True
            self._taken_at = perf_counter()
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._database.epoch not in {None, self._lines.epoch}:
            # These events may be of another history: the lines are read anew before anything is pushed.
            self.on_other_history()
            return
        flushed = []
        for line in self._lines:
            while (delivery := line.take()) is not None:
                flushed.append(delivery.event)
                self._subscribers.deliver(line.service, delivery)
        if flushed:
            self._lists.due = True
            self.published += len(flushed)
            self.latency = perf_counter() - self._taken_at
            self.on_published(self.latency, flushed)
