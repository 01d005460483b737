"""A TCP proxy with faults: it delays, freezes, slices, slows, cuts and resets connections.

It stands between clients and a hub, or between a hub and PostgreSQL (whose private server listens on a socket file).
Each direction has its own faults; they may be changed while connections are open.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Self

Target = tuple[str, int] | Path
"""Where the proxy connects to: host and port, or a socket file."""
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing answers the peer with a reset."""
READ_BYTES = 65536


@dataclass
class Way:
    """One direction's faults.

    Attributes:
        delay: seconds by which data is held back.
        slice_bytes: most bytes that are sent at once; 0: as they came.
        bytes_per_second: 0: unlimited.
        cut_after: number of further bytes after which a connection is cut; None: never.
        flows: cleared while nothing is forwarded; connections stay open.
    """

    delay: float = 0.0
    slice_bytes: int = 0
    bytes_per_second: float = 0.0
    cut_after: int | None = None
    flows: asyncio.Event = field(default_factory=asyncio.Event)

    def heal(self) -> None:
        """Ends every fault; held data is forwarded."""
        self.delay, self.slice_bytes, self.bytes_per_second, self.cut_after = 0.0, 0, 0.0, None
        self.flows.set()


class FaultProxy:
    """A proxy in front of one server: `async with FaultProxy(target) as proxy: proxy.port`.

    Attributes:
        port: its port on 127.0.0.1.
        up: the faults from client to server. down: the faults from server to client.
        refuses: while True new connections are reset at once.
        given_up: for each end that closed a half-open connection: "client" or "server", and monotonic seconds.
    """

    def __init__(self, target: Target) -> None:
        self.port = 0
        self.up, self.down = Way(), Way()
        self.refuses = False
        self.given_up: list[tuple[str, float]] = []
        self._target = target
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._open: set[_Link] = set()
        self.heal()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exception: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._links):
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._open)

    def heal(self) -> None:
        """Ends every fault."""
        self.refuses = False
        for way in (self.up, self.down):
            way.heal()

    def freeze(self) -> None:
        """Stops forwarding on open and new connections; connections stay open."""
        for way in (self.up, self.down):
            way.flows.clear()

    def make_half_open(self) -> None:
        """Makes the open connections half-open: neither end gets data or a close of the other; new connections work."""
        for link in self._open:
            link.dead = True

    def cut(self) -> None:
        """Closes every connection in order, at both ends."""
        for link in list(self._open):
            link.close()

    def reset(self) -> None:
        """Resets every connection, at both ends."""
        for link in list(self._open):
            link.reset()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # If this were a coroutine, start_server's own task would log its cancellation as an error.
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._links.add(task)
        task.add_done_callback(self._links.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            return _reset(writer)
        try:
            upstream = await self._connect()
        except OSError:
            return _reset(writer)
        link = _Link((reader, writer), upstream, self.given_up)
        self._open.add(link)
        try:
            await link.run(self.up, self.down)
        finally:
            self._open.discard(link)
            await link.end()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection(*self._target)


class _Link:
    """A client's connection and its connection to the server. `dead`: drops data, and hides each end's close."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        given_up: list[tuple[str, float]],
    ) -> None:
        self.dead = False
        self._client, self._server = client, server
        self._given_up = given_up

    def close(self) -> None:
        for _reader, writer in (self._client, self._server):
            writer.close()

    def reset(self) -> None:
        for _reader, writer in (self._client, self._server):
            _reset(writer)

    async def end(self) -> None:
        """Closes both ends after their data is sent; aborts an end that takes longer than 0.2 s."""
        self.close()
        for _reader, writer in (self._client, self._server):
            try:
                async with asyncio.timeout(0.2):
                    await writer.wait_closed()
            except OSError:
                writer.transport.abort()

    async def run(self, up: Way, down: Way) -> None:
        """Forwards both ways until one end is closed."""
        ways = [
            self._end("client", self._client[0], self._server[1], up),
            self._end("server", self._server[0], self._client[1], down),
        ]
        tasks = [asyncio.get_running_loop().create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        await self._forward(reader, writer, way)
        if self.dead:
            self._given_up.append((name, monotonic()))
            await asyncio.get_running_loop().create_future()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(READ_BYTES):
                if way.delay:
                    await asyncio.sleep(way.delay)
                for piece in _pieces(data, lambda: way.slice_bytes):
                    await way.flows.wait()
                    if self.dead:
                        break
                    whole = _until_cut(way, piece)
                    writer.write(whole)
                    await writer.drain()
                    if len(whole) < len(piece):
                        return
                    await asyncio.sleep(len(piece) / way.bytes_per_second if way.bytes_per_second else 0)


def _pieces(data: bytes, size: Callable[[], int]) -> list[bytes]:
    at_once = size() or (min(len(data), 1024))
    return [data[start : start + at_once] for start in range(0, len(data), at_once)]


def _until_cut(way: Way, piece: bytes) -> bytes:
    """Returns the part of a piece before the cut; the first connection that reaches the count is cut."""
    if way.cut_after is None:
        return piece
    whole = piece[: way.cut_after]
    way.cut_after = None if len(whole) < len(piece) else way.cut_after - len(piece)
    return whole


def _reset(writer: asyncio.StreamWriter) -> None:
    kernel = writer.transport.get_extra_info("socket")
    # A connection that is closing may have no socket any more.
    if kernel.family in {socket.AF_INET, socket.AF_INET6} and kernel.fileno() >= 0:
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
