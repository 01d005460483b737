"""Tells every window what changed, after the fact: nothing here is on the path of a reply.

An operation says what happened (`notify_patient_called` and its siblings), hands over its committed events and goes on.
They are ordered by (service, revision), encoded once for each view and written to every subscribed client; a client that
is behind is owed one snapshot of each line instead of what it missed (`outbox`). `change_watch` finds what happened at
another hub, or in an operation whose answer was lost.

The promise to a client: for each subscribed service every revision once and in order, or one snapshot that replaces
those missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from time import perf_counter
from typing import Any

from core.errors import HubError
from core.line.tickets import QueueEvent, Snapshot
from core.wire.protocol import push_frame
from core.wire.system_health import SlowClient
from server.database.calls import Database
from server.database.channel import DatabaseChannel
from server.operations.queue_operations import QueueOperations
from server.pushes.change_watch import ChangeWatch, CurrentRevisions
from server.pushes.clinic_lists import ClinicLists
from server.pushes.list_pushes import ListPushes
from server.pushes.outbox import Outbox, text_frame
from server.pushes.standing_lines import StandingLines
from server.pushes.subscriptions import Subscription, deliver
from server.pushes.wait_keeper import WaitKeeper

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.2
"""How soon a client is tried again that can't be caught up because a line can't be read."""


class NotificationService:
    """The hub's outgoing side; started and stopped with it.

    Attributes:
        clinic_lists: services, counters and site as last read.
        lines: the lines as they stand.
        published: events delivered since the start.
        latency: seconds from the latest operation's return to the write to the last client.
        on_published: told that latency and the events of each flush.
        on_configuration: called after the configuration changed, e.g. a device was revoked.
    """

    def __init__(
        self,
        database: Database,
        operations: QueueOperations,
        clinic_lists: ClinicLists,
        channel: DatabaseChannel,
    ) -> None:
        self.clinic_lists = clinic_lists
        self.lines = StandingLines(operations)
        self.published = 0
        self.latency = 0.0
        self.on_published: Callable[[float, Collection[QueueEvent]], None] = lambda _seconds, _events: None
        self.on_configuration: Callable[[], None] = lambda: None
        self._database = database
        self._channel = channel
        self._lists = ListPushes(clinic_lists)
        self._waits = WaitKeeper(database, clinic_lists, self.notify_counters_changed)
        self._watch = ChangeWatch(database, self.lines.delivered, self._take_changes)
        self._subscriptions: dict[Outbox, Subscription] = {}
        self._flush_due = False
        self._taken_at = 0.0

    @property
    def running(self) -> bool:
        """Whether changes behind this hub's back are being looked for."""
        return self._watch.running

    @property
    def backlog(self) -> int:
        """Events that wait for an earlier one."""
        return sum(len(line.early) for line in self.lines)

    @property
    def clients_behind(self) -> int:
        """Clients whose backlog was dropped and that wait for a snapshot."""
        return sum(outbox.behind for outbox in self._subscriptions)

    def slow_clients(self) -> list[SlowClient]:
        """The clients that are behind, the longest first."""
        slow = [slowness for outbox in self._subscriptions if (slowness := outbox.slowness()) is not None]
        return sorted(slow, key=lambda client: -client.behind)

    async def start(self) -> None:
        """Reads the lines and begins. Raises HubError."""
        site = self.clinic_lists.site
        await self.lines.begin(self.clinic_lists.services, site.epoch)
        day, states = site.site.business_day, self.clinic_lists.states
        self._watch.start(CurrentRevisions(site.epoch, site.config_revision, day, {}, states))
        self._waits.start()
        self._channel.start(self._look_now)
        log.info("Notification service started")

    async def stop(self) -> None:
        """Ends the watch and every recovery."""
        await self._channel.aclose()
        await self._watch.stop()
        await self._waits.stop()
        for outbox in list(self._subscriptions):
            await outbox.aclose()
        log.info("Notification service stopped")

    def notify_patient_joined(self, events: Collection[QueueEvent]) -> None:
        """A patient took a turn. As with all of these: it is pushed when the loop comes round, behind the reply."""
        self._waits.observe_joined(events)
        self._take_own(events)

    def notify_patient_called(self, events: Collection[QueueEvent]) -> None:
        """A patient was called, or called again; with the completion of the one before, if that was asked too."""
        self._waits.observe_consultations(events)
        self._take_own(events)

    def notify_consultation_ended(self, events: Collection[QueueEvent]) -> None:
        """A patient was served, or did not come."""
        self._waits.observe_consultations(events)
        self._take_own(events)

    def notify_line_changed(self, events: Collection[QueueEvent]) -> None:
        """Any other change of lines: moved, parked, transferred, cancelled, corrected, undone."""
        self._take_own(events)

    def notify_service_changed(self, events: Collection[QueueEvent]) -> None:
        """A service opened, paused or closed: the lists are read and pushed again, too."""
        self._lists.due = True
        self._take_own(events)

    def notify_counters_changed(self) -> None:
        """A counter opened, paused or closed, or a pace changed: the lists are read and pushed again."""
        self._lists.due = True
        self._channel.wake_others()

    async def subscribe(
        self, outbox: Outbox, services: frozenset[str] | None, since: dict[str, int], epoch: str | None
    ) -> dict[str, Any]:
        """Follows `services` for a client and returns, for each, a snapshot or the events it missed.

        Pushes begin when that answer is written: call `begin` then. Refusal: unknown_service; what the client
        followed before then goes on.
        """
        while True:
            generation, subscription = self.lines.generation, Subscription(outbox, services)
            trusted = since if epoch in {None, self.lines.epoch} else {}
            codes = [line.service for line in self.lines] if services is None else services
            answers = {
                code: await self._first_answer(subscription, code, trusted.get(code))
                for code in sorted(codes)
            }
            if generation == self.lines.generation:
                self._subscriptions[outbox] = subscription
                return answers

    def begin(self, outbox: Outbox) -> None:
        """The answer to `subscribe` is written: what happened since it was read follows now."""
        subscription = self._subscriptions.get(outbox)
        if subscription is None:
            return
        complete = subscription.begin()
        kept = [subscription.deliver_kept(self.lines.line(code)) for code in list(subscription.sent)]
        if not complete or not all(kept):
            self._repair(subscription)

    async def unsubscribe(self, outbox: Outbox) -> None:
        """Forgets a client."""
        self._subscriptions.pop(outbox, None)
        await outbox.aclose()

    async def fresh_snapshot(self, service: str) -> Snapshot:
        """A line as it is now; marked stale while the database is away. Raises UnknownService or Unavailable."""
        line = await self.lines.trusted(service)
        return line.snapshot(stale=self.clinic_lists.stale)

    async def _first_answer(self, subscription: Subscription, code: str, since: int | None) -> dict[str, Any]:
        if since is not None:
            missed = await self.lines.missed(code, since)
            if missed is not None:
                return subscription.answer_with_events(self.lines.known(code), missed)
        line = await self.lines.trusted(code)
        whole = line.encoded(subscription.outbox.view, stale=self.clinic_lists.stale)
        return subscription.answer_with_snapshot(whole)

    def _take_own(self, events: Collection[QueueEvent]) -> None:
        if events:
            self._take(events)
            self._channel.wake_others()

    def _look_now(self) -> None:
        """Another hub, or the command line, says that it changed something."""
        self._lists.due = True
        self._watch.wake()

    def _take(self, events: Iterable[QueueEvent]) -> None:
        for event in events:
            self.lines.line(event.service).offer(event)
        if not self._flush_due:
            self._flush_due = True
            self._taken_at = perf_counter()
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._database.epoch not in {None, self.lines.epoch}:
            self._watch.wake()  # These may be another history's events: first everything is read anew.
            return
        flushed = []
        for line in self.lines:
            while (delivery := line.take()) is not None:
                flushed.append(delivery.event)
                for subscription in deliver(self._subscriptions.values(), line.service, delivery):
                    self._repair(subscription)
        if flushed:
            self._lists.due = True
            self.published += len(flushed)
            self.latency = perf_counter() - self._taken_at
            self.on_published(self.latency, flushed)

    def _repair(self, subscription: Subscription) -> None:
        outbox = subscription.outbox
        outbox.recover(lambda: self._catch_up(outbox))

    async def _catch_up(self, outbox: Outbox) -> bool:
        """Brings a client to the present: snapshots where events are not kept any more, then events. False: not yet."""
        subscription = self._subscriptions.get(outbox)
        if subscription is None or not subscription.begun:
            return True
        for line in self.lines:
            if subscription.covers(line.service) and not await self._replace(subscription, line.service):
                await asyncio.sleep(AGAIN_SECONDS)
                return False
        outbox.caught_up()
        return self._follow_on(subscription) and self._subscriptions.get(outbox) is subscription

    async def _replace(self, subscription: Subscription, service: str) -> bool:
        """Sends a snapshot if the client can't follow by events. False: the line can't be had now."""
        while not subscription.can_follow(self.lines.line(service)):
            try:
                line = await self.lines.trusted(service)
            except HubError:
                return False
            await subscription.replace(line.encoded(subscription.outbox.view, stale=self.clinic_lists.stale))
            if line is not self.lines.line(service):
                subscription.sent.pop(service, None)
        return True

    def _follow_on(self, subscription: Subscription) -> bool:
        """Sends all that happened since the snapshots, and the lists. False if the client fell behind again."""
        lines = [line for line in self.lines if subscription.covers(line.service)]
        return all(subscription.deliver_kept(line) for line in lines) and self._lists.push(subscription)

    async def _take_changes(self, now: CurrentRevisions | None, before: CurrentRevisions) -> None:
        """What the watch read, None while the database is away; and what was acted on before. Raises HubError."""
        if now is not None:
            await self._take_revisions(now, before)
        if self._lists.changed():
            for subscription in self._begun():
                if not self._lists.push(subscription):
                    self._repair(subscription)

    async def _take_revisions(self, now: CurrentRevisions, before: CurrentRevisions) -> None:
        went_back = any(now.services.get(code, -1) < revision for code, revision in before.services.items())
        replaced = now.epoch != self.lines.epoch or went_back
        if not replaced:
            events, jumped = await self.lines.read_changes(now.services)
            self._take(events)
            if jumped:
                self._repair_all()
        configured = replaced or now.config_revision != before.config_revision
        # Opening hours and a quota's end come by the clock.
        passed = (now.business_day, now.states) != (before.business_day, before.states)
        if self._lists.ready or configured or passed:
            await self._lists.refresh()
        if replaced:
            await self._begin_again(now.epoch)
        elif configured or passed:
            self.lines.doubt_all()
        if configured:
            self._tell_configuration(now.config_revision)

    async def _begin_again(self, epoch: str) -> None:
        log.warning("The database was replaced: every window gets a snapshot")
        await self.lines.begin(self.clinic_lists.services, epoch)
        self._database.epoch = epoch
        for subscription in self._subscriptions.values():
            subscription.begin_again()

    def _tell_configuration(self, revision: int) -> None:
        frame = text_frame(push_frame("config.changed", {"revision": revision}))
        for subscription in self._begun():
            subscription.outbox.push(frame, "config.changed")
        self._repair_all()
        self.on_configuration()

    def _repair_all(self) -> None:
        for subscription in self._begun():
            self._repair(subscription)

    def _begun(self) -> list[Subscription]:
        return [subscription for subscription in self._subscriptions.values() if subscription.begun]
