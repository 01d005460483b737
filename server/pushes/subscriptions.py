"""One client's subscription and the revision last sent of each line.

A client may get only the event after its `sent` revision. Every other case (a new subscription, dropped pushes, a new
service, another epoch) is repaired by a snapshot and the kept events after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.pushes.line_feed import Delivery, LineFeed
from server.pushes.outbox import Outbox
from server.pushes.snapshots import EncodedSnapshot


class Subscription:
    """The lines that one client is subscribed to.

    Attributes:
        outbox: the client's frames.
        services: the requested service codes; None means all, including services created later.
        sent: service code -> newest revision sent.
        begun: whether the answer to `queue.subscribe` is written, so that pushes may follow.
    """

    __slots__ = ("_rest", "begun", "outbox", "sent", "services")

    def __init__(self, outbox: Outbox, services: frozenset[str] | None) -> None:
        self.outbox = outbox
        self.services = services
        self.sent: dict[str, int] = {}
        self.begun = False
        # Snapshots whose first part is in the answer; `begin` pushes their other parts.
        self._rest: dict[str, EncodedSnapshot] = {}

    def covers(self, service: str) -> bool:
        """Whether the client is subscribed to this service."""
        return self.services is None or service in self.services

    def answer_with_events(self, line: LineFeed, missed: list[Delivery]) -> dict[str, Any]:
        """One service's member of the answer to `queue.subscribe`: the events that the client missed."""
        self.sent[line.service] = line.delivered
        return {"events": [delivery.bodies[self.outbox.view] for delivery in missed]}

    def answer_with_snapshot(self, whole: EncodedSnapshot) -> dict[str, Any]:
        """One service's member of the answer to `queue.subscribe`: a snapshot's first part. `begin` pushes the others."""
        self.sent[whole.service] = whole.revision
        self._rest[whole.service] = whole
        return {"snapshot": whole.first}

    def begin(self) -> bool:
        """Pushes the snapshots' other parts; the answer must be written before. False if the client fell behind."""
        self.begun = True
        rest, self._rest = self._rest, {}
        for service, whole in rest.items():
            following = whole.frames(behind_first=True)
            if not all(self.outbox.push(frame, "queue.snapshot") for frame in following):
                self.sent.pop(service, None)
        return self.sent.keys() >= rest.keys()

    def begin_again(self) -> None:
        """Discards the sent revisions, because the database was replaced."""
        self.sent.clear()
        self._rest.clear()

    async def replace(self, whole: EncodedSnapshot) -> None:
        """Writes a snapshot that replaces the client's line, each part after the part before it has drained.

        Events may follow when all parts are written. Raises ConnectionClosed.
        """
        self.sent.pop(whole.service, None)
        for frame in whole.frames():
            await self.outbox.write_drained(frame, "queue.snapshot")
        self.sent[whole.service] = whole.revision

    def can_follow(self, line: LineFeed) -> bool:
        """Whether every event after the client's revision is kept."""
        return line.service in self.sent and line.since(self.sent[line.service]) is not None

    def deliver_kept(self, line: LineFeed) -> bool:
        """Writes every event after the client's revision. False if an event is not kept, or the client is behind."""
        deliveries = line.since(self.sent.get(line.service, -1))
        return deliveries is not None and not any(
            deliver([self], line.service, delivery) for delivery in deliveries
        )


def deliver(subscriptions: Iterable[Subscription], service: str, delivery: Delivery) -> list[Subscription]:
    """Writes an event to each client that has the revision before it. Returns the subscriptions that need a recovery.

    One loop without a call for each client: the call would delay the last of them (DECISIONS: What does a frame cost the
    hub?).
    """
    revision, frames = delivery.revision, delivery.frames
    missed = []
    for subscription in subscriptions:
        sent, outbox = subscription.sent, subscription.outbox
        newest = sent.get(service, revision) if subscription.begun else revision
        if newest >= revision:
            continue
        if newest == revision - 1 and outbox.push(frames[outbox.view], "queue.event"):
            sent[service] = revision
        else:
            missed.append(subscription)
    return missed
