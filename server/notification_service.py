"""Tells every window what changed, after the fact: nothing here is on the path of a reply.

An operation hands over its committed events and goes on. They are ordered by (service, revision), encoded once for each
view and written to every subscribed client. Events of other hubs, and those whose answer this hub never got, are
found by a poll of the revisions every second and read from `queue_events`. A client that is behind is owed one snapshot
of each line instead of what it missed (`server.outbox`).

The promise to a client: for each subscribed service every revision once and in order, or one snapshot that replaces
those missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from core.errors import HubError, UnknownService
from core.protocol import push_frame
from core.tickets import QueueEvent, Snapshot
from server.database import Database
from server.lines import LineFeed
from server.outbox import Outbox, text_frame
from server.overview import Overview
from server.queue_operations import QueueOperations
from server.snapshots import Snapshots
from server.subscriptions import Subscription
from server.views import VIEWS, event_view, snapshot_view
from server.wait_keeper import WaitKeeper

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
REPLAY_LIMIT = 500


class CurrentRevisions(msgspec.Struct, frozen=True):
    """What the poll reads."""

    epoch: str
    config_revision: int
    business_day: str
    services: dict[str, int]
    states: dict[str, str]


class NotificationService:
    """The hub's outgoing side; started and stopped with it.

    Attributes:
        overview: services, counters and site as last read.
        snapshots: the lines' snapshots, shared among clients.
        published: events delivered since the start.
        on_configuration: called after the configuration changed, e.g. a device was revoked.
    """

    def __init__(self, database: Database, operations: QueueOperations, overview: Overview) -> None:
        self.overview = overview
        self.snapshots = Snapshots(operations)
        self.published = 0
        self.on_configuration: Callable[[], None] = lambda: None
        self._database = database
        self._operations = operations
        self._waits = WaitKeeper(database, overview, self.notify_counters_changed)
        self._acted_on = CurrentRevisions("", 0, "", {}, {})
        self._lines: dict[str, LineFeed] = {}
        self._subscriptions: dict[Outbox, Subscription] = {}
        self._flush_due = False
        self._lists_due = False
        self._told_lists: tuple[bytes, ...] = ()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether events of other hubs are being looked for."""
        return self._keeper is not None and not self._keeper.done()

    @property
    def backlog(self) -> int:
        """Events that wait for an earlier one."""
        return sum(len(line.early) for line in self._lines.values())

    @property
    def clients_behind(self) -> int:
        """Clients whose backlog was dropped and that wait for a snapshot."""
        return sum(outbox.behind for outbox in self._subscriptions)

    async def start(self) -> None:
        """Begins at the revisions that the overview holds now."""
        site = self.overview.site
        day, states = site.site.business_day, self.overview.states
        self._acted_on = CurrentRevisions(site.epoch, site.config_revision, day, {}, states)
        self._begin_lines()
        self._keeper = asyncio.get_running_loop().create_task(self._keep_current())
        self._waits.start()
        log.info("Notification service started")

    async def stop(self) -> None:
        """Ends the poll and every recovery."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._waits.stop()
        for outbox in list(self._subscriptions):
            await outbox.aclose()
        log.info("Notification service stopped")

    def notify_patient_joined(self, events: Collection[QueueEvent]) -> None:
        """A patient took a turn. As with all of these: it is pushed when the loop comes round, behind the reply."""
        self._waits.observe_joined(events)
        self._take(events)

    def notify_patient_called(self, events: Collection[QueueEvent]) -> None:
        """A patient was called, or called again; with the completion of the one before, if that was asked too."""
        self._waits.observe_consultations(events)
        self._take(events)

    def notify_consultation_ended(self, events: Collection[QueueEvent]) -> None:
        """A patient was served, or did not come."""
        self._waits.observe_consultations(events)
        self._take(events)

    def notify_line_changed(self, events: Collection[QueueEvent]) -> None:
        """Any other change of lines: moved, parked, transferred, cancelled, corrected, undone."""
        self._take(events)

    def notify_service_changed(self, events: Collection[QueueEvent]) -> None:
        """A service opened, paused or closed: the lists are read and pushed again, too."""
        self._lists_due = True
        self._take(events)

    def notify_counters_changed(self) -> None:
        """A counter opened, paused or closed, or a pace changed: the lists are read and pushed again."""
        self._lists_due = True

    def _take(self, events: Iterable[QueueEvent]) -> None:
        for event in events:
            self._line(event.service).offer(event)
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    async def subscribe(
        self, outbox: Outbox, services: frozenset[str] | None, since: dict[str, int], epoch: str | None
    ) -> dict[str, Any]:
        """Follows `services` for a client and returns, for each, a snapshot or the events it missed.

        Pushes begin when that answer is written: call `begin` then. Refusal: unknown_service; what the client
        followed before then goes on.
        """
        subscription = Subscription(outbox, services)
        trusted = since if epoch in {None, self.overview.epoch} else {}
        codes = sorted(self._lines) if services is None else sorted(services)
        answers = {code: await self._first_answer(subscription, code, trusted.get(code)) for code in codes}
        self._subscriptions[outbox] = subscription
        return answers

    def begin(self, outbox: Outbox) -> None:
        """The answer to `subscribe` is written: what happened since it was read follows now."""
        subscription = self._subscriptions.get(outbox)
        if subscription is None:
            return
        complete = subscription.begin()
        kept = [subscription.deliver_kept(self._line(code)) for code in list(subscription.sent)]
        if not complete or not all(kept):
            self._repair(subscription)

    async def unsubscribe(self, outbox: Outbox) -> None:
        """Forgets a client."""
        self._subscriptions.pop(outbox, None)
        await outbox.aclose()

    async def fresh_snapshot(self, service: str) -> Snapshot:
        """A line as it is now, or as another client was just told. Raises UnknownService or Unavailable."""
        return await self.snapshots.at_least(service, self._line(service).delivered)

    async def _first_answer(self, subscription: Subscription, code: str, since: int | None) -> dict[str, Any]:
        if code not in self._lines:
            raise UnknownService(f"There is no service {code}.")
        view = subscription.outbox.view
        if since is not None and since <= self._line(code).delivered:
            events = await self._operations.events_after(code, since, REPLAY_LIMIT)
            newest = events[-1].revision if events else since
            if self._line(code).since(newest) is not None:
                subscription.sent[code] = newest
                return {"events": [event_view(event, view) for event in events]}
        first = subscription.answer_with(await self.fresh_snapshot(code))
        return {"snapshot": snapshot_view(first, view)}

    def _begin_lines(self) -> None:
        self._lines = {code: LineFeed(code, revision) for code, revision in self.overview.revisions.items()}

    def _line(self, service: str) -> LineFeed:
        return self._lines.setdefault(service, LineFeed(service, 0))

    def _flush(self) -> None:
        self._flush_due = False
        for line in self._lines.values():
            while (delivery := line.take()) is not None:
                self.published += 1
                self._lists_due = True
                for subscription in self._subscriptions.values():
                    if subscription.begun and not subscription.deliver(line.service, delivery):
                        self._repair(subscription)

    def _repair(self, subscription: Subscription) -> None:
        outbox = subscription.outbox
        outbox.recover(lambda: self._catch_up(outbox))

    async def _catch_up(self, outbox: Outbox) -> bool:
        """Brings a client to the present: snapshots where events are not kept any more, then events. False: not yet."""
        subscription = self._subscriptions.get(outbox)
        if subscription is None or not subscription.begun:
            return True
        for code in [code for code in self._lines if subscription.covers(code)]:
            while not subscription.can_follow(self._line(code)):
                whole = await self.fresh_snapshot(code)
                await subscription.replace(whole)
                if whole.epoch != self.overview.epoch:
                    del subscription.sent[code]
        outbox.behind = False
        return self._follow_on(subscription) and self._subscriptions.get(outbox) is subscription

    def _follow_on(self, subscription: Subscription) -> bool:
        """Sends all that happened since the snapshots, and the lists. False if the client fell behind again."""
        lines = [self._line(code) for code in self._lines if subscription.covers(code)]
        return all(subscription.deliver_kept(line) for line in lines) and self._push_lists([subscription])

    async def _keep_current(self) -> None:
        """Every second: read what changed behind this hub's back, push the lists if they are due."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._read_changes()
            except HubError as error:
                log.debug("The poll found no database: %s", error.reason)
            except Exception:
                log.exception("The poll failed; it goes on")

    async def _read_changes(self) -> None:
        delivered = {code: line.delivered for code, line in self._lines.items()}
        text = await self._database.call("current_revisions")
        now = msgspec.json.decode(text, type=CurrentRevisions)
        # Compared with what was acted on, not with the overview: a request may have refreshed that meanwhile.
        before = self._acted_on
        replaced = now.epoch != before.epoch or any(
            now.services.get(code, -1) < revision for code, revision in delivered.items()
        )
        if not replaced:
            await self._read_missed(now.services)
        configured = replaced or now.config_revision != before.config_revision
        # Opening hours and a quota's end come by the clock.
        passed = (now.business_day, now.states) != (before.business_day, before.states)
        if self._lists_due or configured or passed:
            await self._refresh_lists()
            self._acted_on = now
            if configured:
                self._adopt(replaced, now.config_revision)
            if (lists := self._lists()) != self._told_lists:
                self._told_lists = lists
                self._push_lists(self._subscriptions.values())

    async def _refresh_lists(self) -> None:
        self._lists_due = False
        try:
            await self.overview.refresh()
        except HubError:
            self._lists_due = True
            raise

    async def _read_missed(self, revisions: dict[str, int]) -> None:
        for code, revision in revisions.items():
            line = self._line(code)
            if revision > line.delivered:
                self._take(await self._operations.events_after(code, line.delivered, REPLAY_LIMIT))

    def _adopt(self, replaced: bool, config_revision: int) -> None:
        """Takes over another epoch, new services, and whatever else was configured."""
        if replaced:
            log.warning("The database was replaced: every window gets a snapshot")
            self.snapshots.forget()
            self._begin_lines()
        for subscription in self._subscriptions.values():
            if replaced:
                subscription.sent.clear()
            self._push(subscription, text_frame(push_frame("config.changed", {"revision": config_revision})))
            self._repair(subscription)
        self.on_configuration()

    def _lists(self) -> tuple[bytes, ...]:
        services = push_frame("services.changed", self.overview.service_list())
        return (
            services,
            *(push_frame("counters.changed", self.overview.counter_list(view)) for view in VIEWS),
        )

    def _push_lists(self, subscriptions: Iterable[Subscription]) -> bool:
        """Sends the lists as they are now. False if one of the clients is behind and will get them later."""
        services, *counters = (text_frame(text) for text in self._lists())
        by_view = dict(zip(VIEWS, counters, strict=True))
        complete = True
        for subscription in subscriptions:
            complete &= self._push(subscription, services)
            if subscription.outbox.role != "kiosk":
                complete &= self._push(subscription, by_view[subscription.outbox.view])
        return complete

    def _push(self, subscription: Subscription, frame: bytes) -> bool:
        if not subscription.begun:
            return True
        if subscription.outbox.push(frame):
            return True
        self._repair(subscription)
        return False
