"""Updates the data of wait estimates in the database, in a task beside the requests.

Soon after consultations ended, the task has the database compute their service's pace again, and store the real waits
beside the estimates given at joining. Estimates that can't be written are lost, with a warning in the log.
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
"""Estimates kept for the next write; further ones push the oldest out."""


class WaitKeeper:
    """Writes one hub's estimates and refreshes the paces; calls `on_pace` after a pace changed.

    Attributes:
        unwritten: estimates to write, oldest first: ticket id, low and high in seconds.
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
        """Starts the task; estimates since its last write are not written."""
        chores.start("keeper of wait times", self._keep)

    def observe_joined(self, events: Iterable[QueueEvent]) -> None:
        """Queues the estimates given to patients who just joined at this hub."""
        for event in events:
            wait = self._clinic_lists.wait_of(event.ticket) if event.ticket is not None else None
            if event.ticket is not None and wait is not None:
                self.unwritten.append({"ticket": event.ticket.id, "low": wait.low, "high": wait.high})

    def observe_consultations(self, events: Iterable[QueueEvent]) -> None:
        """Marks the services of calls and completions: their paces and real waits have changed."""
        self._due.update(event.service for event in events if event.kind in {"called", "completed"})

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._timings.estimates)
            try:
                await self._write_estimates()
                await self._refresh_paces()
            except HubError as error:
                log.info("Wait times could not be updated; retrying: %s", error.reason)

    async def _write_estimates(self) -> None:
        if not self.unwritten:
            return
        estimates = list(self.unwritten)
        self.unwritten.clear()
        try:
            await self._database.call("log_wait_estimates", encode(estimates).decode())
        except HubError as error:
            log.warning("%d wait estimates are lost: %s", len(estimates), error.reason)

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
