"""Tells every window what changed, after the fact: nothing here is on the path of a reply.

An operation says what happened (`notify_patient_called` and its siblings), hands over its committed events and goes on.
`event_pushes` writes each event to every client that follows its line. `subscribers` catches up a client that missed
something. `outside_changes` finds what another hub or the command line did, and what an operation did whose answer was
lost.

The promise to a client: for each subscribed service every revision once and in order, or one snapshot that replaces
those missing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from core.line.tickets import QueueEvent, Snapshot
from server.chores import Chores
from server.database.calls import Database
from server.database.channel import DatabaseChannel
from server.operations.queue_operations import QueueOperations
from server.pushes.clinic_lists import ClinicLists
from server.pushes.event_pushes import EventPushes
from server.pushes.list_pushes import ListPushes
from server.pushes.outside_changes import OutsideChanges
from server.pushes.standing_lines import StandingLines
from server.pushes.subscribers import Subscribers
from server.pushes.wait_keeper import WaitKeeper
from server.timings import USUAL, Timings

log = logging.getLogger(__name__)


class NotificationService:
    """The hub's outgoing side; started and stopped with it.

    Attributes:
        clinic_lists: services, counters and site as last read.
        lines: the lines as they stand.
        subscribers: the clients that follow lines.
        events: the pushes of events; `events.on_published` is told of each flush.
        outside: what happens behind this hub's back; `outside.on_configuration` is told of another configuration.
    """

    def __init__(
        self,
        database: Database,
        operations: QueueOperations,
        clinic_lists: ClinicLists,
        channel: DatabaseChannel,
        timings: Timings = USUAL,
    ) -> None:
        self._channel = channel
        self._lists = lists = ListPushes(clinic_lists)
        self.clinic_lists = clinic_lists
        self.lines = lines = StandingLines(operations)
        self.subscribers = Subscribers(lines, lists, clinic_lists)
        self.events = EventPushes(database, lines, lists, self.subscribers)
        self.outside = OutsideChanges(
            database, clinic_lists, lines, lists, self.subscribers, self.events, timings.changes
        )
        self._waits = WaitKeeper(database, clinic_lists, self.notify_counters_changed, timings)

    async def start(self, chores: Chores) -> None:
        """Reads the lines and begins. Raises HubError."""
        await self.lines.begin(self.clinic_lists.services, self.clinic_lists.epoch)
        self.outside.start(chores)
        self._waits.start(chores)
        self._channel.start(self.outside.look_now, chores)
        log.info("Notification service started")

    async def stop(self) -> None:
        """Ends every recovery; its chores are the hub's to stop."""
        await self.subscribers.aclose()
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

    async def fresh_snapshot(self, service: str) -> Snapshot:
        """A line as it is now; marked stale while the database is away. Raises UnknownService or Unavailable."""
        line = await self.lines.trusted(service)
        return line.snapshot(stale=self.clinic_lists.stale)

    def _take_own(self, events: Collection[QueueEvent]) -> None:
        if events:
            self.events.take(events)
            self._channel.wake_others()
