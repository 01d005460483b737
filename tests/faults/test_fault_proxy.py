"""FaultProxy: each fault does what its name says, and healing ends it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.support.faults.fault_proxy import FaultProxy
from tests.support.waiting import in_time

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo(socket_file: Path | None = None) -> AsyncIterator[tuple[FaultProxy, Ends]]:
    """Yields a proxy in front of an echo server, and the client's end of a connection through it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
        writer.close()

    if socket_file:
        server = await asyncio.start_unix_server(answer, str(socket_file))
    else:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
    target = socket_file or server.sockets[0].getsockname()
    async with FaultProxy(target) as proxy:
        ends = await asyncio.open_connection("127.0.0.1", proxy.port)
        await echoed(ends, b"ready")
        yield proxy, ends
        await closed(ends)
    server.close()
    await asyncio.sleep(0)


async def closed(ends: Ends) -> None:
    ends[1].close()
    with contextlib.suppress(OSError):
        await ends[1].wait_closed()


async def echoed(ends: Ends, text: bytes) -> bytes:
    """Sends a text; returns as many bytes as come back."""
    ends[1].write(text)
    return await in_time(ends[0].readexactly(len(text)))


async def silent(ends: Ends, text: bytes) -> bool:
    """Sends a text; returns whether no byte comes back and the connection stays open."""
    ends[1].write(text)
    try:
        await asyncio.wait_for(ends[0].read(1), 0.2)
    except TimeoutError:
        return True
    return False


Story = Callable[[FaultProxy, Ends], Awaitable[None]]


async def healthy(_proxy: FaultProxy, ends: Ends) -> None:
    assert await echoed(ends, b"x" * 300_000) == b"x" * 300_000


async def delayed(proxy: FaultProxy, ends: Ends) -> None:
    proxy.up.delay = proxy.down.delay = 0.1
    began = monotonic()
    await echoed(ends, b"hello")
    assert monotonic() - began >= 0.2


async def sliced(proxy: FaultProxy, ends: Ends) -> None:
    proxy.down.slice_bytes = 1
    ends[1].write(b"x" * 2000)
    parts = [await in_time(ends[0].read(2000))]
    while sum(map(len, parts)) < 2000:
        parts.append(await in_time(ends[0].read(2000)))
    assert len(parts) > 20


async def slow(proxy: FaultProxy, ends: Ends) -> None:
    proxy.up.bytes_per_second = 10_000
    began = monotonic()
    await echoed(ends, b"x" * 3000)
    assert monotonic() - began >= 0.2


async def frozen(proxy: FaultProxy, ends: Ends) -> None:
    proxy.freeze()
    assert await silent(ends, b"hello")
    proxy.heal()
    assert await in_time(ends[0].readexactly(5)) == b"hello"


async def half_open(proxy: FaultProxy, ends: Ends) -> None:
    proxy.make_half_open()
    assert await silent(ends, b"hello")
    other = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await echoed(other, b"hello") == b"hello"
    await closed(other)


async def cut(proxy: FaultProxy, ends: Ends) -> None:
    proxy.cut()
    assert await in_time(ends[0].read()) == b""


async def cut_in_the_middle(proxy: FaultProxy, ends: Ends) -> None:
    proxy.down.cut_after = 3
    ends[1].write(b"hello")
    assert await in_time(ends[0].read()) == b"hel"


async def reset(proxy: FaultProxy, ends: Ends) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await in_time(ends[0].read())


async def refused(proxy: FaultProxy, ends: Ends) -> None:
    proxy.refuses = True
    other = await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionResetError):
        await in_time(other[0].read())
    await closed(other)
    assert await echoed(ends, b"old connections work") == b"old connections work"


STORIES: list[Story] = [
    healthy,
    delayed,
    sliced,
    slow,
    frozen,
    half_open,
    cut,
    cut_in_the_middle,
    reset,
    refused,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: str(story.__name__))
async def test_a_fault_does_what_its_name_says(story: Story) -> None:
    async with echo() as (proxy, ends):
        await story(proxy, ends)


async def test_the_server_may_listen_on_a_socket_file(tmp_path: Path) -> None:
    async with echo(tmp_path / "socket") as (proxy, ends):
        assert proxy.connections == 1
        await healthy(proxy, ends)
