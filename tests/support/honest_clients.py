"""Clients that work while others attack: a window that asks, and desks where patients come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from secrets import token_hex
from time import monotonic

from websockets.asyncio.client import ClientConnection

from tests.support.bare_sockets import ask, reason_of, request

SPACED = 0.005


async def asks_on(socket: ClientConnection, goes_on: Callable[[], bool]) -> list[float]:
    """How many seconds each of a client's questions took, for as long as `goes_on`."""
    delays = []
    while goes_on():
        began = monotonic()
        assert reason_of(await ask(socket, request("ping", {}))) == ""
        delays.append(monotonic() - began)
        await asyncio.sleep(SPACED)
    return delays


async def works_on(socket: ClientConnection, goes_on: Callable[[], bool]) -> list[float]:
    """The same of a desk where patients take a number and give it back one by one: the line stays short."""
    delays = []
    while goes_on():
        began = monotonic()
        joined = await ask(socket, request("tickets.join", {"service": "A", "key": token_hex(8)}))
        delays.append(monotonic() - began)
        await asyncio.sleep(SPACED)
        ticket, began = joined["result"]["ticket"]["id"], monotonic()
        left = await ask(socket, request("tickets.cancel", {"ticket": ticket, "key": token_hex(8)}))
        assert reason_of(left) == ""
        delays.append(monotonic() - began)
        await asyncio.sleep(SPACED)
    return delays
