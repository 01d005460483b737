"""What one client follows, and how far it is.

A client's `sent` revision says which event it may get next: only the one behind it. Everything else (a new
subscription, a backlog that was dropped, a service that appeared, another epoch) is repaired in one way: a snapshot,
then the kept events behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.pushes.line_feed import Delivery, LineFeed
from server.pushes.outbox import Outbox
from server.pushes.snapshots import EncodedSnapshot


class Subscription:
    """One client's.

    Attributes:
        services: the service codes asked for; None means all, future ones too.
        sent: service -> the revision the client has been sent.
        begun: whether the answer to `queue.subscribe` is written, so that pushes may follow.
    """

    __slots__ = ("_rest", "begun", "outbox", "sent", "services")

    def __init__(self, outbox: Outbox, services: frozenset[str] | None) -> None:
        self.outbox = outbox
        self.services = services
        self.sent: dict[str, int] = {}
        self.begun = False
        self._rest: dict[str, EncodedSnapshot] = {}

    def covers(self, service: str) -> bool:
        """Whether the client asked for this service."""
        return self.services is None or service in self.services

    def answer_with_events(self, line: LineFeed, missed: list[Delivery]) -> dict[str, Any]:
        """A service's member of the answer to `queue.subscribe`: what the client missed."""
        self.sent[line.service] = line.delivered
        return {"events": [delivery.bodies[self.outbox.view] for delivery in missed]}

    def answer_with_snapshot(self, whole: EncodedSnapshot) -> dict[str, Any]:
        """The same with a snapshot's first part; the others follow the answer."""
        self.sent[whole.service] = whole.revision
        self._rest[whole.service] = whole
        return {"snapshot": whole.first}

    def begin(self) -> bool:
        """The answer is written: the snapshots' other parts go out. False if the client is behind already."""
        self.begun = True
        rest, self._rest = self._rest, {}
        for service, whole in rest.items():
            following = whole.frames(behind_first=True)
            if not all(self.outbox.push(frame, "queue.snapshot") for frame in following):
                self.sent.pop(service, None)
        return self.sent.keys() >= rest.keys()

    def begin_again(self) -> None:
        """The database was replaced: nothing that the client was sent is of use."""
        self.sent.clear()
        self._rest.clear()

    async def replace(self, whole: EncodedSnapshot) -> None:
        """Sends a snapshot that replaces what the client holds of a service, each part when the one before has drained.

        Events follow when all of it is written. Raises ConnectionClosed.
        """
        self.sent.pop(whole.service, None)
        for frame in whole.frames():
            await self.outbox.write_drained(frame, "queue.snapshot")
        self.sent[whole.service] = whole.revision

    def can_follow(self, line: LineFeed) -> bool:
        """Whether the events behind what the client has are kept."""
        return line.service in self.sent and line.since(self.sent[line.service]) is not None

    def deliver_kept(self, line: LineFeed) -> bool:
        """Sends every kept event behind what the client has. False if one is not kept, or the client is behind."""
        deliveries = line.since(self.sent.get(line.service, -1))
        return deliveries is not None and not any(deliver([self], line.service, each) for each in deliveries)


def deliver(subscriptions: Iterable[Subscription], service: str, delivery: Delivery) -> list[Subscription]:
    """Sends an event to each client whose next it is. Returns those who did not get what they should have.

    All in one loop: a call for each would be some hundredths of the time until the last of them has it.
    """
    revision, frames = delivery.revision, delivery.frames
    left_out = []
    for subscription in subscriptions:
        sent, outbox = subscription.sent, subscription.outbox
        newest = sent.get(service, revision) if subscription.begun else revision
        if newest >= revision:
            continue
        if newest == revision - 1 and outbox.push(frames[outbox.view], "queue.event"):
            sent[service] = revision
        else:
            left_out.append(subscription)
    return left_out
