"""Numbers 9 to 11 of the faults that a hub meets: broken bytes, guesses, and clients that only take up room.

Each gets its answer or its close code; the hub's memory stays, and nobody honest waits for them.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from secrets import token_hex

import pytest
from websockets.asyncio.client import ClientConnection

from core.client.hub_client import HubClient
from server.door.limits import Limits
from tests.support.attackers import ATTACKS, SOURCE
from tests.support.bare_sockets import ask, open_socket, reason_of, request, say_hello
from tests.support.clinic import Clinic
from tests.support.honest_clients import asks_on
from tests.support.hub_process import HubProcess, hub_on
from tests.support.memory_use import open_files, resident_bytes
from tests.support.proof_size import proof_size
from tests.support.raw_frames import BROKEN, UPGRADE, RawConnection, hello
from tests.support.siege import siege_of
from tests.support.waiting import WAIT_SECONDS, in_time

REQUESTS = proof_size(20, 400)
"""Of each honest client under each attack."""


async def test_every_broken_frame_gets_its_close_code(clinic: Clinic, hub: HubProcess) -> None:
    found = {}
    for wrong, (data, _) in BROKEN.items():
        connection = await RawConnection.open(hub.port)
        await connection.upgrade()
        connection.writer.write(hello(clinic.kiosk.token) + data)
        async with asyncio.timeout(WAIT_SECONDS):
            found[wrong] = await connection.close_code()
        connection.close()
    assert found == {wrong: code for wrong, (_, code) in BROKEN.items()}
    async with open_socket(hub) as socket:
        assert reason_of(await say_hello(socket)) == ""


async def test_who_is_not_known_may_send_little(clinic: Clinic, hub: HubProcess) -> None:
    """No frame beyond 8 KiB, no sixth request."""

    async with open_socket(hub) as big:
        await big.send("x" * 8193)
        await big.wait_closed()
        assert big.close_code == 1009
    async with open_socket(hub) as talker:
        assert [reason_of(await ask(talker, request("ping", {}))) for _ in range(5)] == [
            "unauthenticated"
        ] * 5
        await talker.wait_closed()
        assert talker.close_code == 4401


@pytest.mark.parametrize("said", [b"", UPGRADE[:30]])
async def test_a_handshake_has_an_end(clinic: Clinic, said: bytes) -> None:
    with hub_on(clinic.database_url, limits=Limits(handshake_seconds=0.2)) as hub:
        connection = await RawConnection.open(hub.port)
        connection.writer.write(said)
        await in_time(connection.reader.read())
        connection.close()


def so_often(times: int) -> Callable[[], bool]:
    """True for the first `times` questions."""
    left = iter([True] * times)
    return lambda: next(left, False)


@pytest.mark.long
async def test_a_clinic_works_on_under_attack_and_memory_stays(clinic: Clinic, hub: HubProcess) -> None:
    async with siege_of(hub, clinic) as siege:
        # Once each for what the first time costs: modules, and the memory of as many connections at once.
        for attack in ATTACKS:
            await siege.under(attack, partial(so_often, REQUESTS))
        before = resident_bytes(hub.pid)
        for attack in ATTACKS:
            await siege.under(attack, partial(so_often, REQUESTS))
            grown = (resident_bytes(hub.pid) - before) / 1e6
            assert grown < 10, (attack.__name__, grown)
    assert all(siege.tallies[attack.__name__].total() for attack in ATTACKS), "an attack did not take place"
    assert siege.tallies["passwords"]["rate_limited"] > 0
    assert set(siege.tallies["broken_frames"]) <= {"1002", "1003", "1007", "1009"}
    async with HubClient(hub.url, clinic.staff) as client:
        await client.request("tickets.join", {"service": "A"}, keyed=True)


@asynccontextmanager
async def crowd_at(hub: HubProcess, count: int) -> AsyncIterator[None]:
    """So many silent connections from elsewhere."""
    crowd = [await RawConnection.open(hub.port, SOURCE) for _ in range(count)]
    try:
        yield
    finally:
        for connection in crowd:
            connection.close()


async def join(socket: ClientConnection, key: str) -> str:
    """The refusal of a patient's joining; "" when it was done."""
    return reason_of(await ask(socket, request("tickets.join", {"service": "A", "key": key})))


@pytest.mark.logs_expected
async def test_a_crowd_can_not_take_the_files_that_the_hub_needs(clinic: Clinic) -> None:
    """This process may open few files: fewer connections are taken, and the database's are left alone."""
    with hub_on(clinic.database_url, most_files=230) as hub:
        async with open_socket(hub) as socket:
            await say_hello(socket)
            async with crowd_at(hub, 250):
                assert [await join(socket, f"k{n}") for n in range(20)] == [""] * 20
                async with open_socket(hub) as colleague:
                    assert reason_of(await say_hello(colleague)) == ""
                assert open_files(hub.pid) < 200


@pytest.mark.logs_expected
async def test_without_any_file_to_open_the_hub_serves_who_is_connected(
    clinic: Clinic, hub: HubProcess
) -> None:
    """EMFILE: nobody new comes in for a while, nobody who is in is sent away, and it passes."""

    async with open_socket(hub) as socket:
        await say_hello(socket)
        usual = resource.prlimit(hub.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, (open_files(hub.pid) + 10, usual[1]))
        async with crowd_at(hub, 40):
            await asks_on(socket, so_often(200))
        resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, usual)
        async with asyncio.timeout(WAIT_SECONDS), open_socket(hub) as newcomer:
            assert reason_of(await say_hello(newcomer, token=clinic.kiosk.token)) in {"", "unavailable"}
            # The database's connections come back, too.
            while refused := await join(socket, token_hex(8)):
                assert refused == "unavailable"
