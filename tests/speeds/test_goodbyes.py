"""How long the hub keeps a connection that vanished, says nothing or belongs to somebody who may not stay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from time import monotonic

import pytest

from core.wire.protocol import HELLO_SECONDS, SILENCE_SECONDS
from server.administration import people_and_devices
from tests.server.connections.test_visitors import signed_in
from tests.support.bare_sockets import code_of, open_socket, say_hello
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.raw_frames import RawConnection

AT_ONCE = 0.5


async def seconds_of(work: Awaitable[object]) -> float:
    """How long it took."""
    began = monotonic()
    with suppress(ConnectionResetError):
        await work
    return monotonic() - began


async def test_the_vanished_are_gone_within_fifteen_seconds(clinic: Clinic, hub: HubProcess) -> None:
    async def vanishes(after: float) -> float:
        await asyncio.sleep(after)
        connection = await signed_in(hub, clinic)
        seconds = await seconds_of(connection.reader.read(-1))
        connection.close()
        return seconds

    gone = await asyncio.gather(*(vanishes(n / 20) for n in range(20)))
    assert SILENCE_SECONDS - 2 < min(gone) <= max(gone) <= SILENCE_SECONDS


async def test_a_stranger_has_ten_seconds(clinic: Clinic, hub: HubProcess) -> None:
    async with open_socket(hub) as mute:
        assert HELLO_SECONDS - 0.5 < await seconds_of(code_of(mute)) < HELLO_SECONDS + 0.5


async def test_a_handshake_takes_five_seconds_at_most(clinic: Clinic, hub: HubProcess) -> None:
    connection = await RawConnection.open(hub.port)
    assert 4.5 < await seconds_of(connection.reader.read()) < 5.5
    connection.close()


@pytest.mark.parametrize("kind", ["device", "user"])
async def test_the_revoked_are_gone_at_once(clinic: Clinic, hub: HubProcess, kind: str) -> None:
    engine = clinic.engine()
    async with open_socket(hub) as kiosk, open_socket(hub) as person:
        await say_hello(kiosk, token=clinic.kiosk.token)
        await say_hello(person)
        if kind == "device":
            people_and_devices.revoke_device(engine, "Hall kiosk")
        else:
            people_and_devices.disable_user(engine, "staff")
        assert await seconds_of(code_of(kiosk if kind == "device" else person)) < AT_ONCE
    engine.dispose()
