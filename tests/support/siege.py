"""A hub under attacks one after the other, and a clinic that works meanwhile: a window and two desks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection

from tests.support.attackers import Attack, Attackers, Tally
from tests.support.bare_sockets import open_socket, reason_of, say_hello
from tests.support.clinic import Clinic
from tests.support.honest_clients import ping_while, serve_while
from tests.support.hub_process import HubProcess

GUESSES = {"passwords", "pairing_codes"}


class Siege:
    """The clinic's connections, and the tallies of the attacks.

    Attributes:
        tallies: attack -> its replies by kind, of all its rounds.
    """

    def __init__(
        self, hub: HubProcess, clinic: Clinic, window: ClientConnection, *desks: ClientConnection
    ) -> None:
        self.tallies: dict[str, Tally] = {}
        self._hub, self._clinic, self._window, self._desks = hub, clinic, window, desks

    async def under(
        self, attack: Attack, keep_going: Callable[[], Callable[[], bool]]
    ) -> tuple[list[float], list[float]]:
        """Attacks while the clinic works; returns the seconds until each reply: the window's, and the desks'.

        Each of the clinic's connections works while its own `keep_going()` function returns True.
        """
        attackers = await asyncio.to_thread(Attackers, attack, self._hub.port, self._clinic.kiosk.token)
        pings, *work = await asyncio.gather(
            ping_while(self._window, keep_going()), *(serve_while(desk, keep_going()) for desk in self._desks)
        )
        if attack.__name__ in GUESSES:
            await self._sign_in()
        tally = await asyncio.to_thread(attackers.end)
        self.tallies[attack.__name__] = self.tallies.get(attack.__name__, Counter()) + tally
        return pings, [delay for delays in work for delay in delays]

    async def _sign_in(self) -> None:
        async with open_socket(self._hub) as socket:
            assert reason_of(await say_hello(socket)) == ""


@asynccontextmanager
async def siege_of(hub: HubProcess, clinic: Clinic) -> AsyncIterator[Siege]:
    """The clinic's connections before the first attack."""
    async with open_socket(hub) as window, open_socket(hub) as desk, open_socket(hub) as other:
        for socket in (window, desk, other):
            await say_hello(socket)
        yield Siege(hub, clinic, window, desk, other)
