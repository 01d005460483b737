"""Clients that work during attacks: a window that sends pings, and desks that join and cancel tickets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from secrets import token_hex
from time import monotonic

from websockets.asyncio.client import ClientConnection

from tests.support.bare_sockets import ask, reason_of, request

PAUSE_SECONDS = 0.005


async def ping_while(socket: ClientConnection, keep_going: Callable[[], bool]) -> list[float]:
    """Sends pings while `keep_going()`; returns the seconds until each reply."""
    delays = []
    while keep_going():
        began = monotonic()
        assert reason_of(await ask(socket, request("ping", {}))) == ""
        delays.append(monotonic() - began)
        await asyncio.sleep(PAUSE_SECONDS)
    return delays


async def serve_while(socket: ClientConnection, keep_going: Callable[[], bool]) -> list[float]:
    """Joins and cancels a ticket in turn while `keep_going()`; returns the seconds until each reply."""
    delays = []
    while keep_going():
        began = monotonic()
        joined = await ask(socket, request("tickets.join", {"service": "A", "key": token_hex(8)}))
        delays.append(monotonic() - began)
        await asyncio.sleep(PAUSE_SECONDS)
        ticket, began = joined["result"]["ticket"]["id"], monotonic()
        left = await ask(socket, request("tickets.cancel", {"ticket": ticket, "key": token_hex(8)}))
        assert reason_of(left) == ""
        delays.append(monotonic() - began)
        await asyncio.sleep(PAUSE_SECONDS)
    return delays
