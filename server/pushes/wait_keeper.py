"""Keeps what wait estimates rest on, beside the line and off every reply's path.

Soon after consultations ended, their service's pace is computed again, and what patients really waited is noted beside
what they were told when they joined. Both are the database's to keep; what can't be noted is lost, with a line in the
log: a clinic goes on without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from core.errors import HubError
from core.line.tickets import QueueEvent
from core.wire.protocol import encode
from server.chores import Chores
from server.database.calls import Database
from server.pushes.clinic_lists import ClinicLists
from server.timings import USUAL, Timings

log = logging.getLogger(__name__)

KEPT_ESTIMATES = 2000
"""More than that in one turn, or while the database is slow, push the oldest out."""


class WaitKeeper:
    """One hub's part of it; `on_pace` is called after a pace changed.

    Attributes:
        unwritten: estimates that are not in the database yet, oldest first.
    """

    def __init__(
        self,
        database: Database,
        clinic_lists: ClinicLists,
        on_pace: Callable[[], None],
        timings: Timings = USUAL,
    ) -> None:
        self.unwritten: deque[dict[str, Any]] = deque(maxlen=KEPT_ESTIMATES)
        self._database = database
        self._clinic_lists = clinic_lists
        self._on_pace = on_pace
        self._timings = timings
        self._due: set[str] = set()
        self._refreshed: dict[str, float] = {}

    def start(self, chores: Chores) -> None:
        """Begins to write; what was told in the last second before the chores stop is not written."""
        chores.start("keeper of wait times", self._keep)

    def observe_joined(self, events: Iterable[QueueEvent]) -> None:
        """Takes who just joined at this hub: they were told a wait."""
        for event in events:
            wait = self._clinic_lists.wait_of(event.ticket) if event.ticket is not None else None
            if event.ticket is not None and wait is not None:
                self.unwritten.append({"ticket": event.ticket.id, "low": wait.low, "high": wait.high})

    def observe_consultations(self, events: Iterable[QueueEvent]) -> None:
        """Takes calls and completions: they show how good the waits were, and how long consultations take."""
        self._due.update(event.service for event in events if event.kind in {"called", "completed"})

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._timings.estimates)
            try:
                await self._write_estimates()
                await self._refresh_paces()
            except HubError as error:
                log.info("Wait times could not be refreshed: %s", error.reason)

    async def _write_estimates(self) -> None:
        if not self.unwritten:
            return
        told = list(self.unwritten)
        self.unwritten.clear()
        try:
            await self._database.call("log_wait_estimates", encode(told).decode())
        except HubError as error:
            log.warning("%d wait estimates are lost: %s", len(told), error.reason)

    async def _refresh_paces(self) -> None:
        now, least = asyncio.get_running_loop().time(), self._timings.paces
        for service in sorted(self._due):
            if now - self._refreshed.get(service, -least) < least:
                continue
            self._refreshed[service] = now
            self._due.discard(service)
            try:
                await self._database.call("log_wait_outcomes", service)
                pace = msgspec.json.decode(await self._database.call("update_wait_times_atomic", service))
            except HubError:
                self._due.add(service)
                raise
            if pace is not None and pace["changed"]:
                self._on_pace()
