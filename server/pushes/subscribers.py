"""Holds every client's subscription and catches up clients that missed a push.

There is one way to catch up a client: a snapshot of each line whose missed events are no longer kept, then every event
since, then the lists.
"""

from __future__ import annotations

import asyncio
from typing import Any

from core.errors import HubError
from core.wire.protocol import push_frame
from core.wire.system_health import SlowClient
from server.pushes.clinic_lists import ClinicLists
from server.pushes.line_feed import Delivery
from server.pushes.list_pushes import ListPushes
from server.pushes.outbox import Outbox, text_frame
from server.pushes.standing_lines import StandingLines
from server.pushes.subscriptions import Subscription, deliver

AGAIN_SECONDS = 0.2
"""Pause between two tries to catch up a client while a line can't be read."""


class Subscribers:
    """The subscriptions of one hub's clients."""

    def __init__(self, lines: StandingLines, lists: ListPushes, clinic_lists: ClinicLists) -> None:
        self._lines = lines
        self._lists = lists
        self._clinic_lists = clinic_lists
        self._subscriptions: dict[Outbox, Subscription] = {}

    @property
    def behind(self) -> int:
        """Number of clients whose pushes were dropped and that wait for a snapshot."""
        return sum(outbox.behind for outbox in self._subscriptions)

    def slow_clients(self) -> list[SlowClient]:
        """The clients that are behind, the longest-delayed first."""
        slow = [slowness for outbox in self._subscriptions if (slowness := outbox.slowness()) is not None]
        return sorted(slow, key=lambda client: -client.behind)

    def begun(self) -> list[Subscription]:
        """The subscriptions whose answer to `queue.subscribe` is written, so that pushes may follow."""
        return [subscription for subscription in self._subscriptions.values() if subscription.begun]

    async def subscribe(
        self, outbox: Outbox, services: frozenset[str] | None, since: dict[str, int], epoch: str | None
    ) -> dict[str, Any]:
        """Subscribes a client to `services` (None: all) and returns service code -> snapshot or missed events.

        The caller writes that answer, then calls `begin`, which starts the pushes. Raises UnknownService and keeps the
        client's former subscription.
        """
        while True:
            generation, subscription = self._lines.generation, Subscription(outbox, services)
            trusted = since if epoch in {None, self._lines.epoch} else {}
            codes = [line.service for line in self._lines] if services is None else services
            answers = {
                code: await self._first_answer(subscription, code, trusted.get(code))
                for code in sorted(codes)
            }
            if generation == self._lines.generation:
                self._subscriptions[outbox] = subscription
                return answers

    def begin(self, outbox: Outbox) -> None:
        """Starts the pushes, first of the events since `subscribe`; its answer must be written before."""
        subscription = self._subscriptions.get(outbox)
        if subscription is None:
            return
        complete = subscription.begin()
        kept = [subscription.deliver_kept(self._lines.line(code)) for code in list(subscription.sent)]
        if not complete or not all(kept) or outbox.configuration != self._configuration:
            self.catch_up(subscription)

    async def unsubscribe(self, outbox: Outbox) -> None:
        """Removes a client's subscription and cancels its recovery."""
        self._subscriptions.pop(outbox, None)
        await outbox.aclose()

    async def aclose(self) -> None:
        """Cancels every recovery."""
        for outbox in list(self._subscriptions):
            await outbox.aclose()

    def deliver(self, service: str, delivery: Delivery) -> None:
        """Writes an event to every client subscribed to its line; catches up those that miss it or an earlier event."""
        for subscription in deliver(self._subscriptions.values(), service, delivery):
            self.catch_up(subscription)

    def catch_up(self, subscription: Subscription) -> None:
        """Starts the client's recovery, which begins when its socket has drained."""
        outbox = subscription.outbox
        outbox.recover(lambda: self._try_to_catch_up(outbox))

    def catch_all_up(self) -> None:
        """Starts the recovery of every client whose pushes have begun."""
        for subscription in self.begun():
            self.catch_up(subscription)

    def push_lists(self) -> None:
        """Pushes the lists of services and counters to every client."""
        for subscription in self.begun():
            if not self._lists.push(subscription):
                self.catch_up(subscription)

    def begin_again(self) -> None:
        """Discards every client's sent revisions, because the database was replaced: each client needs snapshots."""
        for subscription in self._subscriptions.values():
            subscription.begin_again()

    async def _first_answer(self, subscription: Subscription, code: str, since: int | None) -> dict[str, Any]:
        if since is not None:
            missed = await self._lines.missed(code, since)
            if missed is not None:
                return subscription.answer_with_events(self._lines.known(code), missed)
        line = await self._lines.trusted(code)
        whole = line.encoded(subscription.outbox.view, stale=self._clinic_lists.stale)
        return subscription.answer_with_snapshot(whole)

    async def _try_to_catch_up(self, outbox: Outbox) -> bool:
        """Sends snapshots of the lines whose events are no longer kept, then the events. False: try again."""
        subscription = self._subscriptions.get(outbox)
        if subscription is None or not subscription.begun:
            return True
        for line in self._lines:
            if subscription.covers(line.service) and not await self._replace(subscription, line.service):
                await asyncio.sleep(AGAIN_SECONDS)
                return False
        outbox.caught_up()
        return self._follow_on(subscription) and self._subscriptions.get(outbox) is subscription

    async def _replace(self, subscription: Subscription, service: str) -> bool:
        """Sends a snapshot if kept events can't bring the client up to date. False: the line can't be read now."""
        while not subscription.can_follow(self._lines.line(service)):
            try:
                line = await self._lines.trusted(service)
            except HubError:
                return False
            await subscription.replace(line.encoded(subscription.outbox.view, stale=self._clinic_lists.stale))
            if line is not self._lines.line(service):
                # `begin` replaced the line during the write: the snapshot was of the former one.
                subscription.sent.pop(service, None)
        return True

    def _follow_on(self, subscription: Subscription) -> bool:
        """Sends the events since the snapshots, then the lists. False if the client fell behind again."""
        lines = [line for line in self._lines if subscription.covers(line.service)]
        kept = all(subscription.deliver_kept(line) for line in lines)
        return kept and self._push_configuration(subscription.outbox) and self._lists.push(subscription)

    @property
    def _configuration(self) -> int:
        return self._clinic_lists.site.config_revision

    def _push_configuration(self, outbox: Outbox) -> bool:
        """Tells the client of a configuration that it was not told of. False if the client is behind: told later."""
        revision = self._configuration
        if outbox.configuration == revision:
            return True
        frame = text_frame(push_frame("config.changed", {"revision": revision}))
        told = outbox.push(frame, "config.changed")
        if told:
            outbox.configuration = revision
        return told
