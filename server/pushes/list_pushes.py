"""The lists of services and counters as every window holds them: pushed when they changed, at most once a second."""

from __future__ import annotations

from time import monotonic

from core.roles import LISTS_COUNTERS
from core.wire.protocol import push_frame
from server.door.visibility import VIEWS, View
from server.pushes.clinic_lists import ClinicLists, SiteRow
from server.pushes.outbox import text_frame
from server.pushes.subscriptions import Subscription

LEAST_SECONDS, MOST_SECONDS = 1.0, 10.0
"""Between two readings: not sooner however much happens, and not later though nothing was heard of."""


class ListPushes:
    """The `services.changed` and `counters.changed` of one hub.

    Attributes:
        due: whether something happened that may have changed them.
    """

    def __init__(self, clinic_lists: ClinicLists) -> None:
        self.due = False
        self._clinic_lists = clinic_lists
        self._read_at = 0.0
        self._made_of: tuple[SiteRow | None, bool] = (None, False)
        self._services = b""
        self._counters: dict[View, bytes] = {}
        self._told: tuple[bytes, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it is time to read them."""
        age = monotonic() - self._read_at
        return age >= (LEAST_SECONDS if self.due else MOST_SECONDS)

    async def refresh(self) -> None:
        """Reads the lists again. Raises HubError; they stay due then."""
        self.due = False
        try:
            await self._clinic_lists.refresh()
        except BaseException:
            self.due = True
            raise
        self._read_at = monotonic()

    def changed(self) -> bool:
        """Whether the lists are others than when this was asked last."""
        self._make()
        before, self._told = self._told, (self._services, *self._counters.values())
        return self._told != before

    def push(self, subscription: Subscription) -> bool:
        """Sends a client the lists as they are now. False if it is behind and will get them later."""
        self._make()
        outbox = subscription.outbox
        if not outbox.push(self._services, "services.changed"):
            return False
        return outbox.role not in LISTS_COUNTERS or outbox.push(
            self._counters[outbox.view], "counters.changed"
        )

    def _make(self) -> None:
        """Frames of what the clinic_lists holds; once a reading of it."""
        clinic_lists = self._clinic_lists
        if self._made_of[0] is clinic_lists.site and self._made_of[1] == clinic_lists.stale:
            return
        self._made_of = (clinic_lists.site, clinic_lists.stale)
        self._services = text_frame(push_frame("services.changed", clinic_lists.service_list()))
        self._counters = {
            view: text_frame(push_frame("counters.changed", clinic_lists.counter_list(view)))
            for view in VIEWS
        }
