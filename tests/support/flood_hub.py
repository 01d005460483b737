"""Load for windows: a hub that only sends, e.g. 1,000 events/s, far more than a database can provide.

It is a process of its own, so that its work does not slow the window down. Half of the events are patients who join at
the end, half are patients called from the front: the line keeps its length.
"""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any
from uuid import UUID

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from core.line.tickets import CounterSummary, QueueEvent, Site, Snapshot, Ticket
from core.wire import protocol
from tests.support.builders import make_service, make_ticket
from tests.support.forks import forks

WAITING = 300
NOW = datetime(2026, 11, 23, 10, 42, tzinfo=UTC)


class FloodHub:
    """The hub's process.

    Attributes:
        url: for clients.
    """

    def __init__(self, events_a_second: int) -> None:
        ours, theirs = forks.Pipe()
        self._process = forks.Process(target=_serve, args=(events_a_second, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.url: str = ours.recv()

    def freeze(self) -> None:
        """Stops the process (SIGSTOP): connections stay open, nothing is sent."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def stop(self) -> None:
        """Kills the process, frozen or not."""
        self._process.kill()
        self._process.join(10)


def ticket(number: int, **state: Any) -> Ticket:
    """The ticket with a number."""
    return make_ticket(f"A{number % 1000:03}", id=str(UUID(int=number)), joined_at=NOW, **state)


def event(revision: int) -> QueueEvent:
    """The event of a revision: odd revisions are joins, even revisions are calls."""
    if revision % 2:
        joined = ticket(WAITING + (revision + 1) // 2, position=WAITING + 1)
        return QueueEvent(
            service="A", revision=revision, kind="joined", at=NOW, ticket=joined, waiting=WAITING + 1
        )
    called = ticket(revision // 2, status="consulting", counter="R1", calls=1, called_at=NOW, started_at=NOW)
    return QueueEvent(
        service="A", revision=revision, kind="called", at=NOW, ticket=called, from_position=1, waiting=WAITING
    )


def answer(method: str) -> Any:
    """The result of a method."""
    site = Site(
        name="Flood", time_zone="UTC", day_starts="00:00", languages=("en",), business_day="2026-11-23"
    )
    waiting = tuple(ticket(n, position=n) for n in range(1, WAITING + 1))
    snapshot = Snapshot(service="A", epoch="e", revision=0, open=True, waiting=waiting, as_of=NOW)
    hello = {
        "session": "s",
        "role": "supervisor",
        "name": "Flood",
        "server": {},
        "epoch": "e",
        "protocol": (1, 1),
    }
    return {
        "session.hello": hello | {"site": site, "config_revision": 1, "time": datetime.now(UTC)},
        "services.list": {"services": [make_service(waiting=WAITING)]},
        "counters.list": {"counters": [CounterSummary(code="R1", name="Counter 1", services=("A",))]},
        "queue.subscribe": {"services": {"A": {"snapshot": snapshot}}},
        "counters.open": {
            "counter": CounterSummary(code="R1", name="Counter 1", services=("A",), held_by="Flood")
        },
    }.get(method, {"time": datetime.now(UTC)})


def _serve(events_a_second: int, ready: Connection) -> None:
    asyncio.run(_until_killed(events_a_second, ready))


async def _until_killed(events_a_second: int, ready: Connection) -> None:
    async def talk(connection: ServerConnection) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                async for text in connection:
                    request = protocol.decode_request(text)
                    await connection.send(protocol.reply_frame(request.id, answer(request.method)).decode())
                    if request.method == "queue.subscribe":
                        tasks.create_task(_flood(connection, events_a_second))
        except* ConnectionClosed:
            pass

    name = Subprotocol(protocol.SUBPROTOCOL)
    async with serve(talk, "127.0.0.1", 0, subprotocols=[name], compression=None) as server:
        ready.send(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws")
        await server.serve_forever()


async def _flood(connection: ServerConnection, events_a_second: int) -> None:
    started, revision = monotonic(), 0
    while True:
        while revision < (monotonic() - started) * events_a_second:
            revision += 1
            await connection.send(protocol.push_frame("queue.event", event(revision)).decode())
        await asyncio.sleep(0.002)
