"""Faults 9 to 11 of those that a hub meets: broken frames, guessed passwords, and clients that only take up resources.

Each gets its reply or its close code; the hub's memory does not grow, and honest clients do not wait.
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
from tests.support.honest_clients import ping_while
from tests.support.hub_process import HubProcess, hub_on
from tests.support.memory_use import open_files, resident_bytes
from tests.support.proof_size import proof_size
from tests.support.raw_frames import BROKEN, UPGRADE, RawConnection, hello
from tests.support.siege import siege_of
from tests.support.waiting import WAIT_SECONDS, in_time

REQUESTS = proof_size(10, 400)
"""Requests of each honest client under each attack."""


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


async def test_an_unknown_client_may_send_little(clinic: Clinic, hub: HubProcess) -> None:
    """Frames are limited to 8 KiB, and requests to five."""

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


@pytest.mark.parametrize("sent", [b"", UPGRADE[:30]])
async def test_an_unfinished_handshake_times_out(clinic: Clinic, sent: bytes) -> None:
    with hub_on(clinic.database_url, limits=Limits(handshake_seconds=0.2)) as hub:
        connection = await RawConnection.open(hub.port)
        connection.writer.write(sent)
        await in_time(connection.reader.read())
        connection.close()


def true_times(times: int) -> Callable[[], bool]:
    """A function that returns True for its first `times` calls."""
    left = iter([True] * times)
    return lambda: next(left, False)


@pytest.mark.long
async def test_under_attack_a_clinic_works_and_the_hubs_memory_stays(clinic: Clinic, hub: HubProcess) -> None:
    async with siege_of(hub, clinic) as siege:
        # The first round of attacks allocates what stays allocated: modules, and memory for as many connections.
        for attack in ATTACKS:
            await siege.under(attack, partial(true_times, REQUESTS))
        before = resident_bytes(hub.pid)
        for attack in ATTACKS:
            await siege.under(attack, partial(true_times, REQUESTS))
            grown = (resident_bytes(hub.pid) - before) / 1e6
            assert grown < 10, (attack.__name__, grown)
    assert all(siege.tallies[attack.__name__].total() for attack in ATTACKS), "an attack did not take place"
    assert siege.tallies["passwords"]["rate_limited"] > 0
    assert set(siege.tallies["broken_frames"]) <= {"1002", "1003", "1007", "1009"}
    async with HubClient(hub.url, clinic.staff) as client:
        await client.request("tickets.join", {"service": "A"}, keyed=True)


@asynccontextmanager
async def crowd_at(hub: HubProcess, count: int) -> AsyncIterator[None]:
    """`count` silent connections from the attackers' address."""
    crowd = [await RawConnection.open(hub.port, SOURCE) for _ in range(count)]
    try:
        yield
    finally:
        for connection in crowd:
            connection.close()


async def join(socket: ClientConnection, key: str) -> str:
    """The reason for which a join is refused; "" if it succeeds."""
    return reason_of(await ask(socket, request("tickets.join", {"service": "A", "key": key})))


@pytest.mark.logs_expected
async def test_a_crowd_cannot_use_up_the_file_descriptors_that_the_hub_needs(clinic: Clinic) -> None:
    """With few file descriptors the hub accepts fewer connections, and keeps those of the database."""
    with hub_on(clinic.database_url, most_files=230) as hub:
        async with open_socket(hub) as socket:
            await say_hello(socket)
            async with crowd_at(hub, 250):
                assert [await join(socket, f"k{n}") for n in range(20)] == [""] * 20
                async with open_socket(hub) as colleague:
                    assert reason_of(await say_hello(colleague)) == ""
                assert open_files(hub.pid) < 200


@pytest.mark.logs_expected
async def test_without_free_file_descriptors_the_hub_serves_its_connected_clients(
    clinic: Clinic, hub: HubProcess
) -> None:
    """During EMFILE the hub accepts no client and disconnects none; afterwards it accepts again."""

    async with open_socket(hub) as socket:
        await say_hello(socket)
        usual = resource.prlimit(hub.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, (open_files(hub.pid) + 10, usual[1]))
        async with crowd_at(hub, 40):
            await ping_while(socket, true_times(200))
        resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, usual)
        async with asyncio.timeout(WAIT_SECONDS), open_socket(hub) as newcomer:
            assert reason_of(await say_hello(newcomer, token=clinic.kiosk.token)) in {"", "unavailable"}
            # The connections to the database are opened again, too.
            while refused := await join(socket, token_hex(8)):
                assert refused == "unavailable"
