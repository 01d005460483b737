"""Closes the day when the schedule says so, and only by clocks that agree."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from core.errors import HubError
from core.steady_clock import steady_seconds
from server.health.clocks import ClockReading, Clocks
from server.operations.queue_operations import DayToClose, QueueOperations, Result
from server.pushes.notification_service import NotificationService

log = logging.getLogger(__name__)


def wall_time() -> datetime:
    """The time of this computer's clock."""
    return datetime.now(UTC)


class DailyClose:
    """The chore that closes the day at its time; only one of several hubs closes it."""

    def __init__(
        self, operations: QueueOperations, notifications: NotificationService, clocks: Clocks, seconds: float
    ) -> None:
        """`seconds`: pause between two checks."""
        self._operations = operations
        self._notifications = notifications
        self._clocks = clocks
        self._seconds = seconds

    async def run(self) -> None:
        """At the start and every `seconds`: closes the days that ended, if the clocks can be trusted."""
        while True:
            try:
                await self._check()
            except HubError as error:
                log.info("The daily close could not be checked: %s", error.message)
            await asyncio.sleep(self._seconds)

    async def _check(self) -> None:
        due = await self._operations.day_to_close()
        self._read_clocks(due)
        if due.ended is None or self._clocks.doubt is not None:
            return
        closed = await self._operations.close_day_if_due(due.ended)
        if closed is not None:
            self._notifications.notify_line_changed(closed.events)
            log.info("%s", _describe(closed.result))

    def _read_clocks(self, due: DayToClose) -> None:
        trusted = self._clocks.doubt is None
        self._clocks.read(ClockReading(steady_seconds(), wall_time(), due.at, due.business_day))
        if trusted and self._clocks.doubt is not None:
            log.warning("The clocks don't agree (%s): the schedule closes no day", self._clocks.doubt.fault)


def _describe(closed: Result) -> str:
    still_open = ", ".join(ticket.number for ticket in closed.consulting)
    left = f", consultations left open: {still_open}" if still_open else ""
    return f"The schedule closed the day: {closed.cancelled} cancelled{left}"
