"""Handles changes made outside this hub: another hub's operation, the command line, a lost answer, a replaced database.

`change_watch` reads the newest revisions. This module compares them with the lines in memory and updates lines and
clients.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from server.chores import Chores
from server.database.calls import Database
from server.pushes.change_watch import ChangeWatch, CurrentRevisions
from server.pushes.clinic_lists import ClinicLists
from server.pushes.event_pushes import EventPushes
from server.pushes.list_pushes import ListPushes
from server.pushes.standing_lines import StandingLines
from server.pushes.subscribers import Subscribers

log = logging.getLogger(__name__)


class OutsideChanges:
    """Brings one hub's lines and clients up to date with changes made outside the hub.

    Attributes:
        on_configuration: called after the configuration changed, e.g. when a device was revoked.
    """

    def __init__(
        self,
        database: Database,
        clinic_lists: ClinicLists,
        lines: StandingLines,
        lists: ListPushes,
        subscribers: Subscribers,
        events: EventPushes,
        seconds: float,
    ) -> None:
        """`seconds`: pause between two polls."""
        self.on_configuration: Callable[[], None] = lambda: None
        self._database = database
        self._clinic_lists = clinic_lists
        self._lines = lines
        self._lists = lists
        self._subscribers = subscribers
        self._events = events
        self._watch = ChangeWatch(database, lines.delivered, self._take_changes, seconds)
        events.on_other_history = self._watch.wake

    @property
    def running(self) -> bool:
        """Whether the watch runs."""
        return self._watch.running

    def start(self, chores: Chores) -> None:
        """Starts the watch. The lists and the lines must have been read before."""
        site = self._clinic_lists.site
        day, states = site.site.business_day, self._clinic_lists.states
        self._watch.start(CurrentRevisions(site.epoch, site.config_revision, day, {}, states), chores)

    def look_now(self) -> None:
        """Polls the revisions at once: another hub or the command line notified this hub of a change."""
        self._lists.due = True
        self._watch.wake()

    async def _take_changes(self, now: CurrentRevisions | None, before: CurrentRevisions) -> None:
        """Acts on the revisions that the watch read; `now` is None while the database is unreachable. Raises HubError."""
        if now is not None:
            if now.ahead:
                log.warning("The clock was ahead and was set right: the times in the lines are corrected")
                await self._database.call("correct_all_times")
                self._watch.wake()
            await self._take_revisions(now, before)
        if self._lists.changed():
            self._subscribers.push_lists()

    async def _take_revisions(self, now: CurrentRevisions, before: CurrentRevisions) -> None:
        retired = before.services.keys() - now.services.keys()
        went_back = any(now.services.get(code, -1) < revision for code, revision in before.services.items())
        replaced = now.epoch != self._lines.epoch or went_back
        if not replaced:
            events, jumped = await self._lines.read_changes(now.services)
            self._events.take(events)
            if jumped:
                self._subscribers.catch_all_up()
        configured = replaced or now.config_revision != before.config_revision
        # Opening hours and quotas change a state by the clock: no event reports that.
        by_clock = (now.business_day, now.states) != (before.business_day, before.states)
        if self._lists.ready or configured or by_clock:
            await self._lists.refresh()
        if replaced:
            if now.epoch != self._lines.epoch or not retired:
                log.warning("The database was replaced: every client gets a snapshot of each line")
            await self._begin_again(now.epoch)
        elif configured or by_clock:
            self._lines.doubt_all()
        if configured:
            self._subscribers.catch_all_up()
            self.on_configuration()

    async def _begin_again(self, epoch: str) -> None:
        await self._lines.begin(self._clinic_lists.services, epoch)
        self._database.epoch = epoch
        self._subscribers.begin_again()
