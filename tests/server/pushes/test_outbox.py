"""A frame on its way out, and one client's flow of them, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from core.wire.protocol import SUBPROTOCOL
from server.connections.hub import BACKLOG_BYTES
from server.door.hub_socket import HubSocket
from server.door.turns import Turns
from server.pushes.outbox import Outbox, text_frame
from tests.support.raw_frames import CLOSE, TEXT, RawConnection
from tests.support.waiting import until

FRAME = text_frame(b"x" * 1000)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 645, 65_535, 65_536, 70_000])
def test_a_frame_is_what_the_library_would_make_of_it(length: int) -> None:
    assert text_frame(b"x" * length) == Frame(Opcode.TEXT, b"x" * length).serialize(mask=False)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[HubSocket, RawConnection]]:
    """The hub's end of a connection and the client's."""
    here: asyncio.Future[HubSocket] = asyncio.get_running_loop().create_future()

    async def stay(connection: ServerConnection) -> None:
        assert isinstance(connection, HubSocket)
        here.set_result(connection)
        await connection.wait_closed()

    how: dict[str, Any] = {
        "create_connection": partial(HubSocket, known=Turns(), strangers=Turns()),
        "subprotocols": [Subprotocol(SUBPROTOCOL)],
        "write_limit": BACKLOG_BYTES,
        "ping_interval": None,
    }
    async with serve(stay, "127.0.0.1", 0, close_timeout=0.1, **how) as server:
        client = await RawConnection.open(server.sockets[0].getsockname()[1])
        await client.upgrade()
        yield await here, client
        client.close()


def reading(client: RawConnection) -> asyncio.Transport:
    """What is paused when the client shall not read."""
    transport = client.writer.transport
    assert isinstance(transport, asyncio.Transport)
    return transport


async def test_who_catches_up_before_the_next_push_is_not_behind() -> None:
    async with connected() as (socket, client):
        outbox = Outbox(socket, "monitor", "public", "device:1")
        reading(client).pause_reading()
        pushed = 0
        while not socket.is_full:
            assert outbox.push(FRAME, "queue.event")
            pushed += 1
        assert outbox.slowness() is None
        reading(client).resume_reading()
        for _ in range(pushed):
            await client.read_frame()
        await until(lambda: not socket.is_full)
        assert outbox.push(FRAME, "queue.event")
        assert not outbox.behind
        assert (await client.read_frame())[0] == TEXT


async def test_who_does_not_read_is_behind_until_caught_up() -> None:
    async with connected() as (socket, client):
        outbox = Outbox(socket, "monitor", "public", "device:1")
        reading(client).pause_reading()
        assert not all(outbox.push(FRAME, "queue.event") for _ in range(10_000))
        slow = outbox.slowness()
        assert slow is not None
        assert (slow.client, slow.last_method) == ("device:1", "queue.event")
        assert BACKLOG_BYTES < slow.unread < BACKLOG_BYTES + 2 * len(FRAME)
        reading(client).resume_reading()
        read = asyncio.get_running_loop().create_task(client.close_code())
        await until(lambda: not socket.is_full)
        assert not outbox.push(FRAME, "queue.event")
        outbox.caught_up()
        assert outbox.push(FRAME, "queue.event")
        read.cancel()


async def test_nothing_is_said_behind_a_goodbye() -> None:
    """Nor is who said it behind: there is nothing to catch up with."""

    async with connected() as (socket, client):
        outbox = Outbox(socket, "monitor", "public", "device:1")
        assert outbox.push(FRAME, "queue.event")
        goodbye = asyncio.get_running_loop().create_task(socket.close())
        await until(lambda: socket.ended)
        assert outbox.push(FRAME, "queue.event")
        assert not outbox.behind
        assert [(await client.read_frame())[0] for _ in range(2)] == [TEXT, CLOSE]
        assert await client.reader.read() == b""
        await goodbye


async def test_who_has_gone_is_not_behind() -> None:
    async with connected() as (socket, client):
        outbox = Outbox(socket, "monitor", "public", "device:1")
        client.close()
        await until(lambda: socket.ended)
        for _ in range(10):
            assert outbox.push(FRAME, "queue.event")
        assert not outbox.behind
