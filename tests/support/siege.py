"""A hub under one attack after the other, and a clinic at work all the while: a window and two desks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection

from tests.support.attackers import Attack, Attackers, Tally
from tests.support.bare_sockets import open_socket, reason_of, say_hello
from tests.support.clinic import Clinic
from tests.support.honest_clients import asks_on, works_on
from tests.support.hub_process import HubProcess

GUESSES = {"passwords", "pairing_codes"}


class Siege:
    """The clinic's connections, and what the attackers were answered.

    Attributes:
        tallies: what each attack was answered, in all its rounds.
    """

    def __init__(
        self, hub: HubProcess, clinic: Clinic, window: ClientConnection, *desks: ClientConnection
    ) -> None:
        self.tallies: dict[str, Tally] = {}
        self._hub, self._clinic, self._window, self._desks = hub, clinic, window, desks

    async def under(
        self, attack: Attack, goes_on: Callable[[], Callable[[], bool]]
    ) -> tuple[list[float], list[float]]:
        """How many seconds the clinic's requests took meanwhile: the window's, and the desks'.

        Each of the clinic's connections works for as long as a `goes_on()` of its own says.
        """
        attackers = await asyncio.to_thread(Attackers, attack, self._hub.port, self._clinic.kiosk.token)
        pings, *work = await asyncio.gather(
            asks_on(self._window, goes_on()), *(works_on(desk, goes_on()) for desk in self._desks)
        )
        if attack.__name__ in GUESSES:
            await self._somebody_signs_in()
        tally = await asyncio.to_thread(attackers.end)
        self.tallies[attack.__name__] = self.tallies.get(attack.__name__, Counter()) + tally
        return pings, [delay for each in work for delay in each]

    async def _somebody_signs_in(self) -> None:
        async with open_socket(self._hub) as socket:
            assert reason_of(await say_hello(socket)) == ""


@asynccontextmanager
async def siege_of(hub: HubProcess, clinic: Clinic) -> AsyncIterator[Siege]:
    """The clinic at its hub, before any attack."""
    async with open_socket(hub) as window, open_socket(hub) as desk, open_socket(hub) as other:
        for each in (window, desk, other):
            await say_hello(each)
        yield Siege(hub, clinic, window, desk, other)
