"""Polls the database for changes made outside this hub: at intervals, and at once after a notification."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec

from core.errors import HubError
from server.chores import Chore, Chores
from server.database.calls import Database

log = logging.getLogger(__name__)

REST_SECONDS = 0.02
"""Shortest pause between two polls, however often `wake` is called."""


class CurrentRevisions(msgspec.Struct, frozen=True):
    """The result of a poll: SQL function `current_revisions`, which reads a few rows.

    Attributes:
        epoch: epoch of the database.
        config_revision: revision of the configuration.
        business_day: the site's business day.
        services: service code -> newest revision.
        states: service code -> state.
        ahead: whether the database has times in the future, from a clock that was set right.
    """

    epoch: str
    config_revision: int
    business_day: str
    services: dict[str, int]
    states: dict[str, str]
    ahead: bool = False


class ChangeWatch:
    """The polling task of one hub.

    Args:
        held: returns service code -> revision of the lines in memory; called before each poll.
        on_poll: called after each poll with the revisions read (None while the database is unreachable) and the revisions
            acted on before, with `held` as their `services`. If it raises HubError, the next poll passes the same former
            revisions again.
        seconds: pause between two polls without a notification.
    """

    def __init__(
        self,
        database: Database,
        held: Callable[[], dict[str, int]],
        on_poll: Callable[[CurrentRevisions | None, CurrentRevisions], Awaitable[None]],
        seconds: float,
    ) -> None:
        self._database = database
        self._held = held
        self._on_poll = on_poll
        self._seconds = seconds
        self._acted_on = CurrentRevisions("", 0, "", {}, {})
        self._woken = asyncio.Event()
        self._chore: Chore | None = None

    @property
    def running(self) -> bool:
        """Whether the polling task runs."""
        return self._chore is not None and self._chore.up

    def start(self, known: CurrentRevisions, chores: Chores) -> None:
        """Starts polling; `known` are the revisions already acted on. Vital: without it windows show an old line."""
        self._acted_on = known
        self._chore = chores.start("change watch", self._watch, vital=True)

    def wake(self) -> None:
        """Polls as soon as `REST_SECONDS` have passed since the last poll."""
        self._woken.set()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(REST_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds - REST_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._poll()
            except HubError as error:
                log.debug("Changes could not be read: %s", error.reason)

    async def _poll(self) -> None:
        # Taken before the call: an operation that ends during it makes the lines newer than its result.
        before = msgspec.structs.replace(self._acted_on, services=self._held())
        try:
            text = await self._database.call("current_revisions")
        except HubError:
            await self._on_poll(None, before)
            return
        # Compared with what was acted on, not with the cached lists: a request may have refreshed these meanwhile.
        now = msgspec.json.decode(text, type=CurrentRevisions)
        await self._on_poll(now, before)
        self._acted_on = now
