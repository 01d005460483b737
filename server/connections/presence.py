"""Tells the database which people are connected to this hub, so that no counter is kept for a person who has gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from time import monotonic

import msgspec

from core.errors import HubError
from server.connections.visitors import Visitors
from server.database.calls import Database
from server.pushes.notification_service import NotificationService

log = logging.getLogger(__name__)

MOST_INTERVALS = 3
"""Intervals that one report counts as uptime at most: a frozen hub notes no departure."""
REST_SECONDS = 0.05
"""Pause before a report of an arrival, so that arrivals at once share it."""


class Presence:
    """The chore that reports who is here.

    Args:
        port: returns the port at which this hub listens: with the computer's name it is the hub's address.
    """

    def __init__(
        self,
        database: Database,
        notifications: NotificationService,
        visitors: Visitors,
        port: Callable[[], int],
        seconds: float,
    ) -> None:
        """`seconds`: pause between two reports, unless a person arrives."""
        self._database = database
        self._notifications = notifications
        self._visitors = visitors
        self._port = port
        self._seconds = seconds
        visitors.on_person = self._wake
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Reports every `seconds` and soon after a person arrived."""
        reported = monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._woken.wait()
                    await asyncio.sleep(REST_SECONDS)
            self._woken.clear()
            now = monotonic()
            try:
                await self._report(min(now - reported, MOST_INTERVALS * self._seconds))
            except HubError as error:
                log.info("Who is here could not be stored: %s", error.reason)
                continue
            reported = now

    def _wake(self) -> None:
        self._woken.set()

    async def _report(self, seconds: float) -> None:
        hub = f"{socket.gethostname()}:{self._port()}"
        freed = msgspec.json.decode(
            await self._database.call("note_presence", hub, self._visitors.people(), seconds),
            type=list[str],
        )
        if freed:
            log.info("Counters are free, their holders have gone: %s", ", ".join(freed))
            self._notifications.notify_counters_changed()
