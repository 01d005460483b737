"""Measures the hub itself: lag of its event loop, outages of the database, and integrity of the lines."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from core.errors import HubError
from server.chores import Chores
from server.database.calls import Database
from server.operations.queue_operations import QueueOperations
from server.pushes.clinic_lists import ClinicLists
from server.timings import USUAL, Timings

log = logging.getLogger(__name__)

KEPT_LAGS = 120
"""Measurements of the last minute."""


@dataclass(frozen=True)
class Checked:
    """The result of a line's latest check: number of places that are missing or duplicate, and its time (UTC)."""

    violations: int
    at: datetime


class HubWatch:
    """Measures one hub.

    Attributes:
        checked: service code -> result of its latest check.
        away_seconds: total seconds for which the database was unreachable.
        started_at: time of the start (UTC).
        on_lag: called with each measured lag of the event loop in seconds.
    """

    def __init__(
        self,
        database: Database,
        operations: QueueOperations,
        clinic_lists: ClinicLists,
        timings: Timings = USUAL,
    ) -> None:
        self.checked: dict[str, Checked] = {}
        self.away_seconds = 0.0
        self.started_at = datetime.now(UTC)
        self.on_lag: Callable[[float], None] = lambda _seconds: None
        self._database = database
        self._operations = operations
        self._clinic_lists = clinic_lists
        self._timings = timings
        self._lags: deque[float] = deque([0.0], maxlen=KEPT_LAGS)
        self._checked_at: dict[str, float] = {}

    @property
    def worst_lag(self) -> float:
        """Largest lag of the event loop in the last minute, in seconds."""
        return max(self._lags)

    def start(self, chores: Chores) -> None:
        """Starts the measurement of the lag and the checks of the lines as chores."""
        chores.start("clock of the event loop", self._keep_time)
        chores.start("check of the lines", self._check_lines)

    async def _keep_time(self) -> None:
        loop, rest = asyncio.get_running_loop(), self._timings.lateness
        while True:
            asleep = loop.time()
            await asyncio.sleep(rest)
            turn = loop.time() - asleep
            self._lags.append(turn - rest)
            self.on_lag(turn - rest)
            if not self._database.available:
                self.away_seconds += turn

    async def _check_lines(self) -> None:
        """One line after the other, evenly, so that no check is noticed."""
        least, all_lines = self._timings.integrity_pause, self._timings.integrity
        while True:
            services = self._clinic_lists.services
            self.checked = {code: found for code, found in self.checked.items() if code in services}
            if services:
                # Check the line that was not checked for longest: a check that fails must not block those of other lines.
                service = min(sorted(services), key=lambda code: self._checked_at.get(code, 0.0))
                self._checked_at[service] = monotonic()
                await self._check(service)
            await asyncio.sleep(max(least, all_lines / max(1, len(services))))

    async def _check(self, service: str) -> None:
        try:
            integrity = await self._operations.validate_queue_integrity(service)
        except HubError:
            return  # The database's own finding reports the outage; the line keeps its latest result.
        wrong = len(integrity.missing_positions) + len(integrity.duplicate_positions)
        before = self.checked.get(service)
        self.checked[service] = Checked(wrong, datetime.now(UTC))
        if wrong and (before is None or before.violations != wrong):
            log.error(
                "The line %s is not sound: %d places are wrong. Run: inturn-hub check integrity",
                service,
                wrong,
            )
