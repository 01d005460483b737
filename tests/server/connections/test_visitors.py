"""The hub disconnects clients that vanished, and keeps clients that are only late."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from time import monotonic
from types import SimpleNamespace
from unittest.mock import Mock
from urllib.request import urlopen

import pytest

from core.wire.protocol import PING_SECONDS, SILENCE_SECONDS
from server.chores import Chores
from server.connections.connection import ClientConnection
from server.connections.visitors import Visitors
from server.door.limits import Limits
from server.timings import USUAL, Timings
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess, hub_on
from tests.support.raw_frames import TEXT, RawConnection, frame, hello
from tests.support.waiting import WAIT_SECONDS, until


async def signed_in(hub: HubProcess, clinic: Clinic) -> RawConnection:
    """A connection of a kiosk that has said hello and sends nothing of its own, not even a close frame."""
    connection = await RawConnection.open(hub.port)
    await connection.upgrade()
    connection.writer.write(hello(clinic.kiosk.token))
    opcode, _ = await connection.read_frame()
    assert opcode == TEXT
    return connection


async def stops_reading(hub: HubProcess, clinic: Clinic) -> RawConnection:
    """A connection to which no close frame can be written: it requested much and reads nothing."""
    connection = await signed_in(hub, clinic)
    transport = connection.writer.transport
    assert isinstance(transport, asyncio.ReadTransport)
    transport.pause_reading()
    request = {"jsonrpc": "2.0", "id": 1, "method": "rpc.discover", "params": {}}
    connection.writer.write(frame(TEXT, json.dumps(request).encode()) * 100)
    return connection


def sockets_at(hub: HubProcess) -> float:
    """The number of WebSockets that the hub serves."""
    with urlopen(f"http://127.0.0.1:{hub.port}/metrics", timeout=WAIT_SECONDS) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith("inturn_sockets ")).split()[1])


async def test_clients_that_vanished_or_do_not_read_are_disconnected(clinic: Clinic) -> None:
    # The test reads the hub's page up to a hundred times a second.
    limits, timings = Limits(pages_per_second=1000), Timings(silence=3.0, goodbye=0.3, sweep=0.05)
    with hub_on(clinic.database_url, limits=limits, timings=timings) as hub:
        vanished = await asyncio.gather(*(signed_in(hub, clinic) for _ in range(10)))
        connections = [*vanished, await stops_reading(hub, clinic)]
        await until(lambda: sockets_at(hub) == 0)
        for connection in connections:
            connection.close()


def test_silence_leaves_time_for_a_goodbye_and_two_lost_pings() -> None:
    assert USUAL.silent + USUAL.sweep + USUAL.goodbye < USUAL.silence == SILENCE_SECONDS
    assert USUAL.silent > 2 * PING_SECONDS + 2


class SweptClient:
    """A client as the sweep uses it; `sweeps` counts the reads of `heard_at`."""

    principal = None

    def __init__(self, silent_for: float) -> None:
        self.leaving = False
        self.sweeps = 0
        self._heard_at = monotonic() - silent_for

    @property
    def heard_at(self) -> float:
        """The monotonic time of the last frame, in seconds."""
        self.sweeps += 1
        return self._heard_at

    async def close(self, code: int, reason: str) -> None:
        """Does nothing."""


async def no_one_admitted(_hashes: set[bytes]) -> dict[bytes, str]:
    return {}


@pytest.mark.parametrize(("silent_for", "leaves"), [(0.0, False), (USUAL.silent + 1, True)])
async def test_a_client_that_is_only_late_stays(silent_for: float, leaves: bool) -> None:
    client = SweptClient(silent_for)
    access = SimpleNamespace(still_admitted=no_one_admitted)
    visitors = Visitors(access, Mock(), replace(USUAL, sweep=0.01))  # type: ignore[arg-type]
    visitors.arrive(client)  # type: ignore[arg-type]
    chores = Chores()
    visitors.start(chores)
    await until(lambda: client.sweeps > 5)
    await chores.stop()
    assert client.leaving is leaves


class DeafSocket:
    """A socket whose close never ends; `hung_up`: whether it was aborted."""

    remote_address = ("127.0.0.1", 1)
    hung_up = False

    async def close(self, _code: int, _reason: str) -> None:
        """Waits without end."""
        await asyncio.Event().wait()

    def hang_up(self) -> None:
        """Aborts the socket."""
        self.hung_up = True


async def test_a_cancelled_goodbye_still_ends_the_connection() -> None:
    """When the chore that closes silent clients fails during a goodbye, no second goodbye follows."""
    socket, components = DeafSocket(), SimpleNamespace(timings=USUAL)
    client = ClientConnection(socket, components, Limits(), lambda _: None, lambda _person: ())  # type: ignore[arg-type]
    goodbye = asyncio.get_running_loop().create_task(client.close(4408, "silent"))
    await asyncio.sleep(0)
    goodbye.cancel()
    await asyncio.wait([goodbye])
    assert socket.hung_up
