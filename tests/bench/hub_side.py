"""The measured process: a real hub and, in the same loop, the bare servers it is compared with.

`python -m tests.bench.hub_side DATABASE_URL` writes its ports in a line of JSON, then answers each line of standard input
(a JSON list, a command's name and arguments) with a line. It ends when standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, thread_time
from typing import Any

import msgspec
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from core.line.tickets import QueueEvent
from core.wire.protocol import Request, encode, push_frame
from server.connections.hub import Hub
from server.door.limits import Limits
from server.door.tls import TlsFiles
from server.door.visibility import event_view
from server.pushes.outbox import text_frame
from tests.support.builders import make_ticket

# The hub checks its limits as always; these are above any rate of the bench.
WIDE_OPEN = Limits(
    people_rate=1e6,
    device_rate=1e6,
    device_burst=1_000_000,
    connections=20_000,
    connections_per_address=20_000,
    arrivals_per_second=1e6,
)
SERVICE, WAITING = "S", 100
SO_MEMINFO, WMEM_QUEUED = 55, 5
"""Linux: what the kernel keeps for a socket (include/uapi/linux/sock_diag.h)."""


def event(revision: int, waiting: int) -> QueueEvent:
    """Returns a recall of a patient at a counter: no place changes, so any number of these events fit a line."""
    now = datetime(2026, 11, 23, 10, 42, 7, 125000, tzinfo=UTC)
    ticket = make_ticket(
        "S012",
        id="7d0a1b54-4a2c-4d0e-9b58-0a2f6c1d9e11",
        service=SERVICE,
        status="consulting",
        counter="R1",
        calls=2,
        joined_at=now,
        called_at=now,
        started_at=now,
    )
    return QueueEvent(
        service=SERVICE, revision=revision, kind="recalled", at=now, ticket=ticket, waiting=waiting
    )


class Bare(asyncio.Protocol):
    """Raw TCP server: writes an event's bytes to its connections."""

    transports: set[asyncio.Transport] = set()  # noqa: RUF012  a process has a single server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Adds the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.transports.add(transport)

    def data_received(self, data: bytes) -> None:
        """Sends a heartbeat back."""
        self._transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        """Removes the connection."""
        self.transports.discard(self._transport)


class HubSide:
    """The hub, the bare servers, and the commands of the bench, a method each."""

    def __init__(self, database_url: str, tls: TlsFiles | None) -> None:
        self.hub = Hub(database_url, limits=WIDE_OPEN, tls=tls)
        self._listeners: set[ServerConnection] = set()
        self._revision = self._waiting = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, int]]:
        """Runs the hub and the bare servers; yields their ports."""
        loop = asyncio.get_running_loop()
        await self.hub.start()
        bare = await loop.create_server(Bare, "127.0.0.1", 0, backlog=2000)
        plain: dict[str, Any] = {"compression": None, "ping_interval": None, "backlog": 2000}
        async with (
            serve(self._listen, "127.0.0.1", 0, **plain) as listening,
            serve(echo, "127.0.0.1", 0, **plain) as echoing,
        ):
            servers: dict[str, Server | asyncio.Server] = {
                "raw": bare,
                "broadcast": listening,
                "echo": echoing,
            }
            ports = {name: next(iter(server.sockets)).getsockname()[1] for name, server in servers.items()}
            yield {"hub": self.hub.port, **ports}
            bare.close()
        await self.hub.stop()

    async def _listen(self, connection: ServerConnection) -> None:
        self._listeners.add(connection)
        await connection.wait_closed()
        self._listeners.discard(connection)

    async def stop_change_watch(self) -> int:
        """Stops polling the database, which lacks the bench's events. Returns the line's revision."""
        await self.hub.chores.named["change watch"].stop()
        line = self.hub.components.notifications.lines.line(SERVICE)
        self._revision, self._waiting = line.delivered, len(line.snapshot().waiting)
        return self._revision

    def gathered(self, clients: int) -> bool:
        """Whether each server has accepted `clients` connections: the kernel accepts them before the loop does."""
        followers = self.hub.components.notifications.subscribers._subscriptions
        return len(followers) == len(Bare.transports) == len(self._listeners) == clients

    async def send_event(self, way: str) -> tuple[float, float]:
        """Sends an event to every client of a way; returns when it began and how many CPU seconds it took."""
        pushed = event(self._revision + 1, self._waiting)
        if way == "hub":
            before, began = thread_time(), self._notify(pushed)
        else:
            text = push_frame("queue.event", event_view(pushed, "public"))
            frame, words = text_frame(text), text.decode()
            before, began = thread_time(), monotonic()
            if way == "raw":
                for transport in Bare.transports:
                    transport.write(frame)
            else:
                broadcast(self._listeners, words)
        # Lets callbacks of `call_soon` run.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return began, thread_time() - before

    def _notify(self, pushed: QueueEvent) -> float:
        self._revision += 1
        began = monotonic()
        self.hub.components.notifications.notify_patient_called([pushed])
        return began

    async def storm(self, rate: int, seconds: float) -> tuple[int, list[float]]:
        """Sends `rate` events/s through the hub; returns the first event's revision, and when each event began."""
        began: list[float] = []
        revision, first = self._revision + 1, monotonic()
        for number in range(int(rate * seconds)):
            wait = first + number / rate - monotonic()
            await asyncio.sleep(max(wait, 0))
            began.append(self._notify(event(self._revision + 1, self._waiting)))
        return revision, began

    def behind(self) -> int:
        """Number of clients that are owed a snapshot."""
        return self.hub.components.notifications.subscribers.behind

    def queued(self) -> list[int]:
        """For each client of the hub, the bytes queued in this process and in the kernel."""
        found = []
        for outbox in self.hub.components.notifications.subscribers._subscriptions:
            transport = outbox._connection.transport
            kernel: socket.socket = transport.get_extra_info("socket")
            memory = struct.unpack("9I", kernel.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
            found.append(transport.get_write_buffer_size() + memory[WMEM_QUEUED])
        return found

    def resident(self) -> int:
        """This process's resident memory in bytes."""
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def worked(self) -> float:
        """CPU seconds that this process's loop has used."""
        return thread_time()

    def cut(self) -> int:
        """Aborts the connection of every client of the hub; returns their number."""
        outboxes = list(self.hub.components.notifications.subscribers._subscriptions)
        for outbox in outboxes:
            outbox._connection.transport.abort()
        return len(outboxes)

    def read(self) -> list[int]:
        """How often lines and their histories were read from the database."""
        lines = self.hub.components.notifications.lines
        return [lines.snapshots_read, lines.histories_read]

    async def do(self, name: str, *arguments: Any) -> Any:
        """Runs a command."""
        answer = getattr(self, name)(*arguments)
        return await answer if asyncio.iscoroutine(answer) else answer


async def echo(connection: ServerConnection) -> None:
    """Answers requests as a hub answers `ping`: decodes, encodes, sends."""
    decode = msgspec.json.Decoder(Request).decode
    try:
        async for message in connection:
            request = decode(message)
            reply = {"jsonrpc": "2.0", "id": request.id, "result": {"time": datetime.now(UTC)}}
            await connection.send(encode(reply), text=True)
    except ConnectionClosed:
        pass


async def main(database_url: str, certificate: str = "", key: str = "") -> None:
    """Serves until standard input ends."""
    tls = TlsFiles(Path(certificate), Path(key)) if certificate else None
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    side = HubSide(database_url, tls)
    async with side.running() as ports:
        say(ports)
        while line := await commands.readline():
            say(await side.do(*json.loads(line)))


def say(value: Any) -> None:
    """Writes a value to standard output as a line of JSON."""
    os.write(1, json.dumps(value).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
