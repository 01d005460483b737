"""1,000 clients are cut at once and reconnect: when the last is current, and how often the hub reads the database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from time import monotonic

from core.wire.client_timings import USUAL
from tests.bench.clinic_of_screens import Screens, Side, measured
from tests.bench.readers import UPGRADE, hello, subscribe
from tests.bench.report import Figure, Spread

CLIENTS = 1000
GOAL_SECONDS = 5.0
WAIT_SECONDS = 30.0
TIMES = 3


class Herd:
    """The clients that reconnect.

    Attributes:
        first_frames: the frames that each client sends first.
    """

    def __init__(self, port: int, token: str) -> None:
        self.first_frames = hello(token) + subscribe()
        self._port = port
        self._coming: set[asyncio.Task[None]] = set()
        self._current = 0
        self._complete = asyncio.Event()
        self._gone = False

    async def gather(self) -> None:
        """Waits until every client is current."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._complete.wait()

    def scatter(self) -> None:
        """Counts from zero again, before every client is cut."""
        self._current = 0
        self._complete.clear()

    def leave(self) -> None:
        """Stops reconnecting."""
        self._gone = True

    def add_current(self) -> None:
        """Counts a current client."""
        self._current += 1
        if self._current == CLIENTS:
            self._complete.set()

    def come_back(self) -> None:
        """Connects a client after a random pause."""
        if not self._gone:
            task = asyncio.get_running_loop().create_task(self._arrive())
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _arrive(self) -> None:
        await asyncio.sleep(random.uniform(0, USUAL.first_pause))
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: Returning(self), "127.0.0.1", self._port)


class Returning(asyncio.Protocol):
    """A client that is current when it has its lines; later data is ignored."""

    def __init__(self, herd: Herd) -> None:
        self._herd = herd
        self._received = b""
        self._greeted = self._current = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the upgrade request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(UPGRADE)

    def data_received(self, data: bytes) -> None:
        """Waits for the upgrade, then for both answers, the second complete."""
        if self._current:
            return
        self._received += data
        if not self._greeted and b"\r\n\r\n" in self._received:
            self._greeted = True
            self._transport.write(self._herd.first_frames)
        if b'"id":2,"result"' in self._received and self._received.endswith(b"}}"):
            self._current, self._received = True, b""
            self._herd.add_current()

    def connection_lost(self, _error: Exception | None) -> None:
        """Reconnects."""
        self._herd.come_back()


def figures(screens: Screens, rounds: int) -> Iterator[Figure]:
    """Seconds until every client is current. Raises AssertionError if the line is read more than once per return."""
    with measured(screens.url) as side:
        side.do("stop_change_watch")
        seconds, readings = asyncio.run(returns(side, screens.monitor, max(min(rounds // 60, TIMES), 2)))
    goal = Spread(GOAL_SECONDS, GOAL_SECONDS, GOAL_SECONDS)
    note = f"the line was read {readings} times for all of them"
    what = f"{CLIENTS:,} clients cut at once: the last is current"
    yield Figure(what, "s", Spread.of(seconds), "goal", goal, at_most=1.0, note=note)


async def returns(side: Side, token: str, times: int) -> tuple[list[float], int]:
    """Returns the seconds of each return, and how often a line or its history was read meanwhile."""
    herd, seconds = Herd(side.ports["hub"], token), []
    for _ in range(CLIENTS):
        herd.come_back()
    await herd.gather()
    before = side.do("read")
    for _ in range(times):
        herd.scatter()
        began = monotonic()
        assert side.do("cut") == CLIENTS
        await herd.gather()
        seconds.append(monotonic() - began)
    readings = sum(side.do("read")) - sum(before)
    herd.leave()
    assert readings <= times, f"the line was read {readings} times"
    return seconds, readings
