"""Pushes committed changes to every subscribed client; no reply waits for a push.

A router calls `notify_patient_called` or one of its siblings with the committed events. `event_pushes` writes each event
to every client subscribed to its line. `subscribers` catches up a client that missed a push. `outside_changes` reads the
changes of other hubs, of the command line, and of operations whose answer was lost.

A client gets, for each subscribed service, every revision once and in order, or one snapshot in place of missing ones.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection

from core.errors import HubError
from core.line.queue_ahead import tickets_ahead
from core.line.tickets import QueueEvent, Snapshot, Ticket
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
    """The pushes of one hub; started and stopped with it.

    Attributes:
        clinic_lists: services, counters and site as last read.
        lines: the lines in memory.
        subscribers: the subscribed clients.
        events: pushes events; `events.on_published` is called after each flush.
        outside: handles changes made outside this hub; `outside.on_configuration` is called after a new configuration.
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
        """Reads the lines and starts the chores. Raises HubError."""
        await self.lines.begin(self.clinic_lists.services, self.clinic_lists.epoch)
        self.outside.start(chores)
        self._waits.start(chores)
        self._channel.start(self.outside.look_now, chores)
        log.info("Notification service started")

    async def stop(self) -> None:
        """Cancels every recovery; the hub stops the chores."""
        await self.subscribers.aclose()
        log.info("Notification service stopped")

    def notify_patient_joined(self, events: Collection[QueueEvent]) -> None:
        """Pushes that patients joined; like its siblings in the loop's next turn, after the reply is written."""
        self._waits.observe_joined(events)
        self._take_own(events)

    def notify_patient_called(self, events: Collection[QueueEvent]) -> None:
        """Pushes that a patient was called or recalled, and that the consultation before was completed with the call."""
        self._waits.observe_consultations(events)
        self._take_own(events)

    def notify_consultation_ended(self, events: Collection[QueueEvent]) -> None:
        """Pushes that a consultation was completed or ended as a no-show."""
        self._waits.observe_consultations(events)
        self._take_own(events)

    def notify_line_changed(self, events: Collection[QueueEvent]) -> None:
        """Pushes any other change of a line: moved, parked, transferred, cancelled, corrected or undone."""
        self._take_own(events)

    def notify_service_changed(self, events: Collection[QueueEvent]) -> None:
        """Pushes that a service opened, paused or closed; the lists are read and pushed again, too."""
        self._lists.due = True
        self._take_own(events)

    def notify_counters_changed(self) -> None:
        """Has the lists read and pushed again: a counter opened, paused or closed, or a pace changed."""
        self._lists.due = True
        self._channel.wake_others()

    def notify_configuration_changed(self) -> None:
        """Has the lists read again and the configuration pushed, by every hub."""
        self.outside.look_now()
        self._channel.wake_others()

    async def fresh_lists(self) -> None:
        """Reads the lists if this hub's operations changed them, so that a list requested after a reply agrees with it.

        While the database is unreachable the lists stay as they are, marked stale.
        """
        with contextlib.suppress(HubError):
            await self._lists.refresh_if_due()

    def ahead_of(self, ticket: Ticket) -> int | None:
        """Number of patients who will be called before a waiting ticket; None if no counter is open for it."""
        return tickets_ahead(
            ticket, self.clinic_lists.counters, lambda service, bound: self.lines.line(service).up_to(bound)
        )

    async def fresh_snapshot(self, service: str) -> Snapshot:
        """A line as it is now; marked stale while the database is unreachable. Raises UnknownService or Unavailable."""
        line = await self.lines.trusted(service)
        return line.snapshot(stale=self.clinic_lists.stale)

    def _take_own(self, events: Collection[QueueEvent]) -> None:
        if events:
            self._lists.due = True
            self.events.take(events)
            self._channel.wake_others()
