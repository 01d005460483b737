"""Who has vanished is gone at the hub within fifteen seconds, and nobody who is only a little late."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from time import monotonic
from urllib.request import urlopen

from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.raw_frames import TEXT, RawConnection, frame, hello
from tests.support.waiting import WAIT_SECONDS

LATE_SECONDS = 12.5
"""A client pings every five seconds: two of its pings were lost."""


async def signed_in(hub: HubProcess, clinic: Clinic) -> RawConnection:
    """A kiosk that has said hello and does not say a word unless it is made to, not even goodbye."""
    connection = await RawConnection.open(hub.port)
    await connection.upgrade()
    connection.writer.write(hello(clinic.kiosk.token))
    opcode, _ = await connection.read_frame()
    assert opcode == TEXT
    return connection


async def seconds_until_gone(connection: RawConnection) -> float:
    """How long the hub kept the connection of somebody who does not say goodbye."""
    began = monotonic()
    with suppress(ConnectionResetError):
        async with asyncio.timeout(WAIT_SECONDS):
            await connection.reader.read(-1)
    connection.close()
    return monotonic() - began


async def stops_reading(hub: HubProcess, clinic: Clinic) -> RawConnection:
    """One to whom the goodbye itself can't be written: it has asked for much and reads none of it."""
    connection = await signed_in(hub, clinic)
    transport = connection.writer.transport
    assert isinstance(transport, asyncio.ReadTransport)
    transport.pause_reading()
    asked = {"jsonrpc": "2.0", "id": 1, "method": "rpc.discover", "params": {}}
    connection.writer.write(frame(TEXT, json.dumps(asked).encode()) * 100)
    return connection


def sockets_at(hub: HubProcess) -> float:
    """How many WebSockets the hub serves."""
    with urlopen(f"http://127.0.0.1:{hub.port}/metrics", timeout=WAIT_SECONDS) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith("inturn_sockets ")).split()[1])


async def says_something_late(hub: HubProcess, clinic: Clinic) -> int:
    """The first frame that somebody gets who was silent for long, and then asked."""
    connection = await signed_in(hub, clinic)
    await asyncio.sleep(LATE_SECONDS)
    connection.writer.write(frame(TEXT, b'{"jsonrpc":"2.0","id":2,"method":"ping","params":{}}'))
    opcode, _ = await connection.read_frame()
    connection.close()
    return opcode


async def test_the_vanished_are_gone_in_time_and_the_late_stay(clinic: Clinic, hub: HubProcess) -> None:
    async def vanishes(after: float) -> float:
        await asyncio.sleep(after)
        return await seconds_until_gone(await signed_in(hub, clinic))

    async def does_not_read() -> float:
        connection, began = await stops_reading(hub, clinic), monotonic()
        await asyncio.sleep(13)
        # The hub tells how many it serves, so the last of the others, half a second later, is waited for, too.
        for _ in range(200):
            if not await asyncio.to_thread(sockets_at, hub):
                break
            await asyncio.sleep(0.05)
        connection.close()
        return monotonic() - began

    staggered = [vanishes(n / 20) for n in range(10)]
    unread, late, *gone = await asyncio.gather(does_not_read(), says_something_late(hub, clinic), *staggered)
    print(f"gone after {min(gone):.2f} to {max(gone):.2f} s, who does not read after {unread:.2f} s")
    assert late == TEXT
    assert min(gone) > 13
    assert max(gone) <= 15
    assert unread <= 16
