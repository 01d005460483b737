"""What the notification service keeps of one line: the revision it has delivered, the frames delivered last, and events
that arrived before an earlier one did. Pure bookkeeping: no sockets, no database.
"""

from __future__ import annotations

from collections import deque

from core.protocol import push_frame
from core.tickets import QueueEvent
from server.outbox import text_frame
from server.views import VIEWS, View, event_view

KEPT_FRAMES = 512
"""Enough for a client that is being subscribed while events go on; who needs more gets a snapshot."""


class Delivery:
    """One event as finished frames, encoded once for each view."""

    def __init__(self, event: QueueEvent) -> None:
        self.revision = event.revision
        self.frames: dict[View, bytes] = {
            view: text_frame(push_frame("queue.event", event_view(event, view))) for view in VIEWS
        }


class LineFeed:
    """Orders a service's events by revision.

    Attributes:
        delivered: the newest revision handed out; every one before it was too.
        early: events behind a gap, by revision.
    """

    def __init__(self, service: str, delivered: int) -> None:
        self.service = service
        self.delivered = delivered
        self.early: dict[int, QueueEvent] = {}
        self._kept: deque[Delivery] = deque(maxlen=KEPT_FRAMES)

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
        return list(self._kept)[-missing:]
