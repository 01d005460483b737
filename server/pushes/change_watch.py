"""Looks for what changed behind this hub's back: in intervals, and at once when somebody says that something did."""

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
"""Between two looks, however often somebody wakes it."""


class CurrentRevisions(msgspec.Struct, frozen=True):
    """What a look reads: a few rows, whatever happened.

    Attributes:
        services: service code -> its newest revision. states: service code -> its state.
    """

    epoch: str
    config_revision: int
    business_day: str
    services: dict[str, int]
    states: dict[str, str]


class ChangeWatch:
    """One hub's; it looks every `seconds`.

    `on_look` is given what was read, None while the database is away, and what was acted on before, whose `services`
    are those that `held` told when the look began; it may raise HubError, and is asked with the same before again.
    """

    def __init__(
        self,
        database: Database,
        held: Callable[[], dict[str, int]],
        on_look: Callable[[CurrentRevisions | None, CurrentRevisions], Awaitable[None]],
        seconds: float,
    ) -> None:
        self._database = database
        self._held = held
        self._on_look = on_look
        self._seconds = seconds
        self._acted_on = CurrentRevisions("", 0, "", {}, {})
        self._woken = asyncio.Event()
        self._chore: Chore | None = None

    @property
    def running(self) -> bool:
        """Whether it looks."""
        return self._chore is not None and self._chore.up

    def start(self, known: CurrentRevisions, chores: Chores) -> None:
        """Begins; `known` is what the hub knows already. Vital: without it windows show an old line."""
        self._acted_on = known
        self._chore = chores.start("change watch", self._watch, vital=True)

    def wake(self) -> None:
        """Looks as soon as may be."""
        self._woken.set()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(REST_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds - REST_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._look()
            except HubError as error:
                log.debug("Nobody can look what changed: %s", error.reason)

    async def _look(self) -> None:
        # Operations that end while the question is on its way make the lines newer than its answer.
        before = msgspec.structs.replace(self._acted_on, services=self._held())
        try:
            text = await self._database.call("current_revisions")
        except HubError:
            await self._on_look(None, before)
            return
        # Compared with what was acted on, not with the overview: a request may have refreshed that meanwhile.
        now = msgspec.json.decode(text, type=CurrentRevisions)
        await self._on_look(now, before)
        self._acted_on = now
