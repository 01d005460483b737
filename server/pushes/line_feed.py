"""What the notification service keeps of one line: the revision it has delivered, the latest events as finished frames,
those that arrived before an earlier one did, and the line itself as the events left it. Pure: no sockets, no database.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from core.line.line_store import Line
from core.line.tickets import QueueEvent, Snapshot
from core.wire.protocol import encode, push_frame
from server.door.visibility import View, event_view
from server.pushes.outbox import text_frame
from server.pushes.snapshots import EncodedSnapshot

KEPT_EVENTS = 512
"""Enough to replay 500 missed events to any number of clients; who missed more gets a snapshot."""


class Bodies(dict[View, msgspec.Raw]):
    """An event as it is in an answer, in each view that was asked for."""

    __slots__ = ("_event",)

    def __init__(self, event: QueueEvent) -> None:
        self._event = event

    def __missing__(self, view: View) -> msgspec.Raw:
        body = self[view] = msgspec.Raw(encode(event_view(self._event, view)))
        return body


class Frames(dict[View, bytes]):
    """An event as a finished frame, in each view that was asked for."""

    __slots__ = ("_bodies",)

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies

    def __missing__(self, view: View) -> bytes:
        frame = self[view] = text_frame(push_frame("queue.event", self._bodies[view]))
        return frame


class Delivery:
    """One event, encoded once for each view that has clients: as it is in an answer, and as a finished frame."""

    def __init__(self, event: QueueEvent) -> None:
        self.event = event
        self.revision = event.revision
        self.bodies = Bodies(event)
        self.frames = Frames(self.bodies)


class LineFeed:
    """Orders a service's events by revision, and follows the line.

    Attributes:
        delivered: the newest revision handed out; every one before it was too.
        early: events behind a gap, by revision.
        doubted: whether the line in memory should be read again before it is told to anybody: it was never read, an
            event did not fit it, or left it incomplete.
        remembers: whether events from before this hub followed the line are kept, too.
    """

    def __init__(self, service: str, delivered: int = 0) -> None:
        self.service = service
        self.delivered = delivered
        self.early: dict[int, QueueEvent] = {}
        self.doubted = True
        self.remembers = False
        self._kept: deque[Delivery] = deque(maxlen=KEPT_EVENTS)
        self._line = Line(service)
        self._encoded: dict[tuple[View, bool], EncodedSnapshot] = {}

    @property
    def known(self) -> bool:
        """Whether the line was ever read."""
        return self._line.known

    @property
    def revision(self) -> int:
        """Of the line in memory; it was read at or after `delivered`."""
        return self._line.revision

    def hold(self, whole: Snapshot) -> None:
        """Takes the line as it was just read: events that were delivered meanwhile are applied, those to come will be."""
        self._line = Line(self.service)
        self._line.replace([whole])
        self._encoded.clear()
        meanwhile = self.since(whole.revision)
        fits = meanwhile is not None and all(self._line.apply(each.event) for each in meanwhile)
        self.doubted = not fits or self._line.incomplete

    def begin_at(self, whole: Snapshot) -> None:
        """Goes on from a line as it was read: what happened before is not delivered any more."""
        self.delivered = whole.revision
        self.remembers = False
        self._kept.clear()
        self.hold(whole)
        self.early = {revision: event for revision, event in self.early.items() if revision > whole.revision}

    def offer(self, event: QueueEvent) -> None:
        """Takes an event in any order; one that was delivered already is dropped."""
        if event.revision > self.delivered:
            self.early.setdefault(event.revision, event)

    def take(self) -> Delivery | None:
        """The next delivery in order, None while it is missing."""
        event = self.early.pop(self.delivered + 1, None)
        if event is None:
            return None
        self.delivered = event.revision
        self._follow(event)
        delivery = Delivery(event)
        self._kept.append(delivery)
        return delivery

    def since(self, revision: int) -> list[Delivery] | None:
        """The deliveries behind `revision`, None if some are not kept any more."""
        missing = self.delivered - revision
        if missing <= 0:
            return []
        if missing > len(self._kept):
            return None
        return list(itertools.islice(self._kept, len(self._kept) - missing, None))

    def keep_earlier(self, events: Iterable[QueueEvent]) -> None:
        """Keeps events from before this hub followed the line, as far as they join on to the kept ones."""
        self.remembers = True
        for event in sorted(events, key=lambda event: -event.revision):
            if event.revision == self.delivered - len(self._kept) and len(self._kept) < KEPT_EVENTS:
                self._kept.appendleft(Delivery(event))

    def snapshot(self, *, stale: bool = False) -> Snapshot:
        """The line as it is known here, now."""
        return self._line.snapshot(datetime.now(UTC), stale=stale)

    def encoded(self, view: View, *, stale: bool = False) -> EncodedSnapshot:
        """The same as messages, made once a revision."""
        found = self._encoded.get((view, stale))
        if found is None:
            found = self._encoded[view, stale] = EncodedSnapshot(self.snapshot(stale=stale), view)
        return found

    def _follow(self, event: QueueEvent) -> None:
        if event.revision <= self._line.revision:
            return
        self._encoded.clear()
        fits = self._line.known and self._line.apply(event)
        self.doubted = self.doubted or not fits or self._line.incomplete
