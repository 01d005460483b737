"""A connection that has ended is gone at once, and so is a refusal: no garbage waits to be collected amid the work."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator

import pytest
from websockets.server import ServerProtocol

from server.connections.hub import Hub
from server.door.hub_socket import HubSocket
from server.pushes.outbox import Outbox
from tests.support.bare_sockets import reason_of, request
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess, running
from tests.support.memory_use import file_table
from tests.support.raw_frames import CLOSE, TEXT, UPGRADE, RawConnection, frame, hello
from tests.support.waiting import until

KINDS = (HubSocket, ServerProtocol, Outbox, Exception)
MANNERS = {
    "silent": b"",
    "half a handshake": UPGRADE[:30],
    "headers without end": UPGRADE[:-2] + b"X: " + b"y" * 20_000,
    "no hello": UPGRADE,
    "a broken frame": UPGRADE + frame(TEXT, b"{}", rsv=4),
    "a goodbye": UPGRADE + frame(CLOSE, b"\x03\xe8"),
    "a refused request": UPGRADE + frame(TEXT, b"{}"),
}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nobody looks for garbage meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def here() -> list[int]:
    """How many there are in this process of each kind, whether anybody can reach them or not."""
    every = [type(each) for each in gc.get_objects()]
    return [sum(issubclass(each, kind) for each in every) for kind in KINDS]


async def gone(before: list[int]) -> None:
    """Waits until there are no more of them than before."""
    await until(lambda: here() == before, what=f"the end of them all: {here()}, before {before}")


@pytest.mark.parametrize("said", MANNERS)
@pytest.mark.usefixtures("uncollected")
async def test_nothing_of_an_ended_connection_waits_for_the_garbage_collector(
    clinic: Clinic, said: str
) -> None:
    async with running(Hub(clinic.database_url)) as hub:
        before = here()
        for _ in range(5):
            connection = await RawConnection.open(hub.port)
            connection.writer.write(MANNERS[said])
            await until(lambda: here() > before, what="the connection")
            connection.close()
        await gone(before)


@pytest.mark.usefixtures("uncollected")
async def test_nothing_of_a_refusal_waits_for_it_either(clinic: Clinic) -> None:
    asked = ["{}", request("queue.subscribe", {"services": ["A"]}), request("nobody.knows", {}), "["]
    async with running(Hub(clinic.database_url)) as hub:
        before = here()
        connection = await RawConnection.open(hub.port)
        await connection.upgrade()
        connection.writer.write(frame(TEXT, b"{}") + hello(clinic.kiosk.token))
        connection.writer.write(b"".join(frame(TEXT, each.encode()) for each in asked))
        answers = [json.loads((await connection.read_frame())[1]) for _ in range(2 + len(asked))]
        refused = [reason_of(answer) for answer in answers]
        assert refused == [
            "invalid_request",
            "",
            "invalid_request",
            "",
            "unknown_method",
            "invalid_request",
        ]
        connection.close()
        await gone(before)


@pytest.mark.skipif(sys.platform != "linux", reason="the table is read from /proc")
def test_the_table_of_files_has_room_for_all_connections_from_the_start(
    clinic: Clinic, hub: HubProcess
) -> None:
    """It grew in the midst of a crowd, and the hub stood still for 20 ms each time."""
    assert file_table(hub.pid) >= 2000
