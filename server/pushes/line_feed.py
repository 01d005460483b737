"""One line in the hub's memory: its tickets, its newest delivered revision, its latest events as encoded frames, and the
events held until an earlier revision arrives. Pure: no socket, no database.
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
"""Events kept for replay: more than `REPLAY_LIMIT`, so that events committed meanwhile don't push out the oldest."""


class Bodies(dict[View, msgspec.Raw]):
    """One event as JSON for an answer; each view is encoded at its first use."""

    __slots__ = ("_event",)

    def __init__(self, event: QueueEvent) -> None:
        self._event = event

    def __missing__(self, view: View) -> msgspec.Raw:
        body = self[view] = msgspec.Raw(encode(event_view(self._event, view)))
        return body


class Frames(dict[View, bytes]):
    """One event as a WebSocket frame; each view is encoded at its first use."""

    __slots__ = ("_bodies",)

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies

    def __missing__(self, view: View) -> bytes:
        frame = self[view] = text_frame(push_frame("queue.event", self._bodies[view]))
        return frame


class Delivery:
    """One event, encoded once for each view: `bodies` for the answer to `queue.subscribe`, `frames` for pushes."""

    def __init__(self, event: QueueEvent) -> None:
        self.event = event
        self.revision = event.revision
        self.bodies = Bodies(event)
        self.frames = Frames(self.bodies)


class LineFeed:
    """Orders a service's events by revision and applies them to the line in memory.

    Attributes:
        delivered: the newest revision returned by `take`; every earlier revision was returned before it.
        early: revision -> event, for events after a gap.
        doubted: whether the line must be read again before a snapshot is sent: it was never read, an event did not fit
            it, an event left it incomplete, or something changed that no event reports.
        remembers: whether `keep_earlier` was called, so that reading the history again brings nothing more.
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
        """Whether the line was read at least once."""
        return self._line.known

    @property
    def revision(self) -> int:
        """Revision of the line in memory; it can be newer than `delivered`."""
        return self._line.revision

    def up_to(self, bound: tuple[int, datetime]) -> int:
        """Number of waiting tickets whose rank is at most `bound`."""
        return self._line.up_to(bound)

    def hold(self, whole: Snapshot) -> None:
        """Replaces the line with a snapshot just read, then applies the events delivered since its revision."""
        self._line = Line(self.service)
        self._line.replace([whole])
        self._encoded.clear()
        meanwhile = self.since(whole.revision)
        fits = meanwhile is not None and all(self._line.apply(delivery.event) for delivery in meanwhile)
        self.doubted = not fits or self._line.incomplete

    def begin_at(self, whole: Snapshot) -> None:
        """Replaces the line with a snapshot just read and skips the events up to its revision."""
        self.delivered = whole.revision
        self.remembers = False
        self._kept.clear()
        self.hold(whole)
        self.early = {revision: event for revision, event in self.early.items() if revision > whole.revision}

    def offer(self, event: QueueEvent) -> None:
        """Accepts an event in any order; drops an event that was delivered before."""
        if event.revision > self.delivered:
            self.early.setdefault(event.revision, event)

    def take(self) -> Delivery | None:
        """Returns the event after `delivered` and applies it to the line; None while that event is missing."""
        event = self.early.pop(self.delivered + 1, None)
        if event is None:
            return None
        self.delivered = event.revision
        self._follow(event)
        delivery = Delivery(event)
        self._kept.append(delivery)
        return delivery

    def since(self, revision: int) -> list[Delivery] | None:
        """The delivered events after `revision`; None if some of them are no longer kept."""
        missing = self.delivered - revision
        if missing <= 0:
            return []
        if missing > len(self._kept):
            return None
        return list(itertools.islice(self._kept, len(self._kept) - missing, None))

    def keep_earlier(self, events: Iterable[QueueEvent]) -> None:
        """Keeps events from before the line was read, as far as they join the kept ones without a gap."""
        self.remembers = True
        for event in sorted(events, key=lambda event: -event.revision):
            if event.revision == self.delivered - len(self._kept) and len(self._kept) < KEPT_EVENTS:
                self._kept.appendleft(Delivery(event))

    def snapshot(self, *, stale: bool = False) -> Snapshot:
        """The line in memory, with the current time as the time of the snapshot."""
        return self._line.snapshot(datetime.now(UTC), stale=stale)

    def encoded(self, view: View, *, stale: bool = False) -> EncodedSnapshot:
        """The same snapshot as messages in this view, made once a revision."""
        cached = self._encoded.get((view, stale))
        if cached is None:
            cached = self._encoded[view, stale] = EncodedSnapshot(self.snapshot(stale=stale), view)
        return cached

    def _follow(self, event: QueueEvent) -> None:
        if event.revision <= self._line.revision:
            return
        self._encoded.clear()
        fits = self._line.known and self._line.apply(event)
        self.doubted = self.doubted or not fits or self._line.incomplete
