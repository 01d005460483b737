"""Frames to a client and the flow control of its outbox, over a real socket."""

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
def test_text_frame_equals_the_librarys_frame(length: int) -> None:
    assert text_frame(b"x" * length) == Frame(Opcode.TEXT, b"x" * length).serialize(mask=False)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[HubSocket, RawConnection]]:
    """The hub's end of a connection and the client's."""
    accepted: asyncio.Future[HubSocket] = asyncio.get_running_loop().create_future()

    async def stay(connection: ServerConnection) -> None:
        assert isinstance(connection, HubSocket)
        accepted.set_result(connection)
        await connection.wait_closed()

    options: dict[str, Any] = {
        "create_connection": partial(HubSocket, known=Turns(), strangers=Turns()),
        "subprotocols": [Subprotocol(SUBPROTOCOL)],
        "write_limit": BACKLOG_BYTES,
        "ping_interval": None,
    }
    async with serve(stay, "127.0.0.1", 0, close_timeout=0.1, **options) as server:
        client = await RawConnection.open(server.sockets[0].getsockname()[1])
        await client.upgrade()
        yield await accepted, client
        client.close()


def transport_of(client: RawConnection) -> asyncio.Transport:
    """The client's transport, which a test pauses to stop reading."""
    transport = client.writer.transport
    assert isinstance(transport, asyncio.Transport)
    return transport


async def test_a_client_that_reads_everything_before_the_next_push_is_not_behind() -> None:
    async with connected() as (socket, client):
        outbox = Outbox(socket, "monitor", "public", "device:1")
        transport_of(client).pause_reading()
        pushed = 0
        while not socket.is_full:
            assert outbox.push(FRAME, "queue.event")
            pushed += 1
        assert outbox.slowness() is None
        transport_of(client).resume_reading()
        for _ in range(pushed):
            await client.read_frame()
        await until(lambda: not socket.is_full)
        assert outbox.push(FRAME, "queue.event")
        assert not outbox.behind
        assert (await client.read_frame())[0] == TEXT


async def test_a_client_that_does_not_read_is_behind_until_caught_up() -> None:
    async with connected() as (socket, client):
        outbox = Outbox(socket, "monitor", "public", "device:1")
        transport_of(client).pause_reading()
        assert not all(outbox.push(FRAME, "queue.event") for _ in range(10_000))
        slow = outbox.slowness()
        assert slow is not None
        assert (slow.client, slow.last_method) == ("device:1", "queue.event")
        assert BACKLOG_BYTES < slow.unread < BACKLOG_BYTES + 2 * len(FRAME)
        transport_of(client).resume_reading()
        read = asyncio.get_running_loop().create_task(client.close_code())
        await until(lambda: not socket.is_full)
        assert not outbox.push(FRAME, "queue.event")
        outbox.caught_up()
        assert outbox.push(FRAME, "queue.event")
        read.cancel()


async def test_no_push_follows_a_close_frame() -> None:
    """The closing client is not behind either: it has nothing to catch up with."""

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


async def test_a_disconnected_client_is_not_behind() -> None:
    async with connected() as (socket, client):
        outbox = Outbox(socket, "monitor", "public", "device:1")
        client.close()
        await until(lambda: socket.ended)
        for _ in range(10):
            assert outbox.push(FRAME, "queue.event")
        assert not outbox.behind
