"""Pushes committed events: orders them by revision, encodes each once and writes it to every subscribed client.

`take` schedules one flush for the loop's next turn. The flush therefore runs after the operation's reply is written, and
covers all operations that end before it.
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
        latency: seconds from the first `take` of the latest flush to its write to the last client.
        on_published: called after each flush with that latency and the flushed events.
        on_other_history: called instead of a flush if the database's epoch differs from the epoch of the lines.
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
        """Number of events held until an earlier revision arrives."""
        return sum(len(line.early) for line in self._lines)

    def take(self, events: Iterable[QueueEvent]) -> None:
        """Queues committed events for the next flush, in any order; duplicates are dropped."""
        for event in events:
            self._lines.line(event.service).offer(event)
        if not self._flush_due:
            self._flush_due = True
            self._taken_at = perf_counter()
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._database.epoch not in {None, self._lines.epoch}:
            # The database was replaced: these events may contradict the lines. Every line is read again before a push.
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
