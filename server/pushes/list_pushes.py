"""Pushes the lists of services and counters when they changed, at most once a second."""

from __future__ import annotations

import asyncio
from time import monotonic

from core.roles import LISTS_COUNTERS
from core.wire.protocol import push_frame
from server.door.visibility import VIEWS, View
from server.pushes.clinic_lists import ClinicLists, SiteRow
from server.pushes.outbox import text_frame
from server.pushes.subscriptions import Subscription

LEAST_SECONDS, MOST_SECONDS = 1.0, 10.0
"""Time between two reads of the lists: at least the first while a change is due, at most the second without one."""


class ListPushes:
    """The `services.changed` and `counters.changed` pushes of one hub.

    Attributes:
        due: whether something happened that may have changed the lists.
    """

    def __init__(self, clinic_lists: ClinicLists) -> None:
        self.due = False
        self._clinic_lists = clinic_lists
        self._turn = asyncio.Lock()
        self._read_at = 0.0
        # Site row and stale flag that the frames below were encoded from.
        self._encoded_from: tuple[SiteRow | None, bool] = (None, False)
        self._services = b""
        self._counters: dict[View, bytes] = {}
        self._compared: tuple[bytes, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether the lists should be read now."""
        age = monotonic() - self._read_at
        return age >= (LEAST_SECONDS if self.due else MOST_SECONDS)

    async def refresh(self) -> None:
        """Reads the lists again. Raises HubError and leaves the lists due if that fails."""
        async with self._turn:
            await self._refresh()

    async def refresh_if_due(self) -> None:
        """Waits for a read under way; reads the lists again if something changed since it began. Raises HubError."""
        async with self._turn:
            if self.due:
                await self._refresh()

    async def _refresh(self) -> None:
        self.due = False
        try:
            await self._clinic_lists.refresh()
        except BaseException:
            self.due = True
            raise
        self._read_at = monotonic()

    def changed(self) -> bool:
        """Whether the lists differ from those at the previous call."""
        self._encode()
        before, self._compared = self._compared, (self._services, *self._counters.values())
        return self._compared != before

    def push(self, subscription: Subscription) -> bool:
        """Writes both lists to a client. False if the client is behind: its recovery sends them later."""
        self._encode()
        outbox = subscription.outbox
        if not outbox.push(self._services, "services.changed"):
            return False
        return outbox.role not in LISTS_COUNTERS or outbox.push(
            self._counters[outbox.view], "counters.changed"
        )

    def _encode(self) -> None:
        """Encodes the frames, once for each `refresh` and each change of `stale`."""
        clinic_lists = self._clinic_lists
        if self._encoded_from[0] is clinic_lists.site and self._encoded_from[1] == clinic_lists.stale:
            return
        self._encoded_from = (clinic_lists.site, clinic_lists.stale)
        self._services = text_frame(push_frame("services.changed", clinic_lists.service_list()))
        self._counters = {
            view: text_frame(push_frame("counters.changed", clinic_lists.counter_list(view)))
            for view in VIEWS
        }
