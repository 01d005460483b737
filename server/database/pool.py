"""The hub's pool of connections: a call opens a connection when it needs one, up to a limit; every wait has a timeout.

A lost connection is replaced by the next call that needs one, never in the background. So no call waits for another
call's attempt to reach a dead server, and the pool needs no repair when the server is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from time import monotonic
from typing import Any, Literal

import psycopg
from psycopg.pq import TransactionStatus

from server.database.address import CONNECT_SECONDS
from server.database.errors import away, busy
from server.timings import USUAL

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
MAX_WAITING = 2000
"""Waiting calls: at least one for each client of a hub, if all reconnect at once."""
LIFETIME_SECONDS = 3600.0
"""Age at which a connection is replaced: the memory of its server process grows over days."""


def hang_up(connection: Connection) -> None:
    """Shuts a connection's socket down: its running call fails at once. The driver's cancel would wait for the server."""
    with contextlib.suppress(OSError, psycopg.Error):
        wire = socket.socket(fileno=connection.fileno())
        try:
            wire.shutdown(socket.SHUT_RDWR)
        finally:
            wire.detach()


@contextlib.contextmanager
def ended_when_broken_off() -> Iterator[None]:
    """Around an attempt to connect: one that is cancelled, or fails, leaves no half-open connection behind.

    The driver's frames hold it, and the error's traceback holds the frames, until the garbage collector comes by.
    """
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        raise


class Lease:
    """A connection of the pool while a call uses it, and between calls.

    Attributes:
        connection: the driver's connection.
        taken: monotonic time at which the current call took it.
        doomed: whether it is closed after the current call.
    """

    __slots__ = ("_born", "connection", "doomed", "taken")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.taken = self._born = monotonic()
        self.doomed = False

    @property
    def usable(self) -> bool:
        """Whether another call may use the connection."""
        idle = self.connection.pgconn.transaction_status == TransactionStatus.IDLE
        return idle and not self.doomed and monotonic() - self._born < LIFETIME_SECONDS

    def end(self) -> None:
        """Shuts the connection down; its call fails at once."""
        self.doomed = True
        hang_up(self.connection)


_Turn = Lease | Literal["make one", "away"]
"""Result of a wait: a free connection, the permission to open one, or that the database is unreachable."""


class ConnectionPool:
    """At most `size` connections; calls that find none free wait in order of arrival.

    Args:
        connect: opens a connection. introduce: prepares an opened connection. Both may raise psycopg.Error.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        introduce: Callable[[Connection], Awaitable[None]],
        size: int,
        seconds: float = USUAL.connection,
    ) -> None:
        """`seconds`: longest wait of a call for a connection."""
        self._connect = connect
        self._introduce = introduce
        self._size = size
        self._seconds = seconds
        self._made = 0
        self._idle: list[Lease] = []
        self._busy: set[Lease] = set()
        self._connecting: dict[asyncio.Timeout, float] = {}
        self._waiting: deque[asyncio.Future[_Turn]] = deque()

    def stats(self) -> dict[str, float]:
        """Number of connections: open (`size`), `idle` and allowed (`max`); and of calls `waiting` for one."""
        waiting = len(self._waiting)
        return {"size": self._made, "idle": len(self._idle), "waiting": waiting, "max": self._size}

    def longest_call(self) -> float:
        """Age in seconds of the oldest running call or connection attempt; 0 without any."""
        begun = chain((lease.taken for lease in self._busy), self._connecting.values())
        return monotonic() - min(begun, default=monotonic())

    async def take(self) -> Lease:
        """Takes a connection; the caller gives it back. Raises psycopg.Error; Unavailable if none is free in time."""
        turn: _Turn = "make one"
        if self._idle:
            turn = self._idle.pop()
        elif self._made >= self._size:
            turn = await self._turn()
        else:
            self._made += 1
        if not isinstance(turn, Lease):
            return await self._make()
        turn.taken = monotonic()
        self._busy.add(turn)
        return turn

    def give_back(self, lease: Lease) -> None:
        """Returns a connection after a call, successful or not."""
        self._busy.discard(lease)
        if lease.usable:
            self._hand_on(lease)
        else:
            self._discard(lease)

    def forget_idle(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._discard(self._idle.pop())

    def forget_all(self) -> None:
        """Closes every connection: running calls fail, and waiting calls raise Unavailable."""
        while waiter := self._next_waiter():
            waiter.set_result("away")
        self.forget_idle()
        self.end_calls_older_than(0)
        for limit in self._connecting:
            if not limit.expired():
                limit.reschedule(0)

    def end_calls_older_than(self, seconds: float) -> None:
        """Shuts down the connections of calls that have run longer than this."""
        latest = monotonic() - seconds
        for lease in self._busy:
            if lease.taken <= latest:
                lease.end()

    async def _make(self) -> Lease:
        try:
            lease = Lease(await self._connect_in_time())
        except BaseException:
            self._vacate()
            raise
        self._busy.add(lease)
        try:
            await self._introduce(lease.connection)
        except BaseException:
            lease.doomed = True
            self.give_back(lease)
            raise
        return lease

    async def _connect_in_time(self) -> Connection:
        limit = asyncio.timeout(CONNECT_SECONDS)
        self._connecting[limit] = monotonic()
        try:
            async with limit:
                with ended_when_broken_off():
                    return await self._connect()
        except TimeoutError as error:
            raise psycopg.errors.ConnectionTimeout("No connection came in time") from error
        finally:
            del self._connecting[limit]

    async def _turn(self) -> _Turn:
        if len(self._waiting) >= MAX_WAITING:
            raise busy()
        waiter: asyncio.Future[_Turn] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._seconds):
                turn = await waiter
        except TimeoutError:
            self._leave(waiter)
            raise busy() from None
        except asyncio.CancelledError:
            self._leave(waiter)
            raise
        if turn == "away":
            raise away()
        return turn

    def _leave(self, waiter: asyncio.Future[_Turn]) -> None:
        """Removes a call that stops waiting; if it got its turn in that moment, passes the turn on."""
        if waiter.cancelled():
            with contextlib.suppress(ValueError):
                self._waiting.remove(waiter)
        elif isinstance(turn := waiter.result(), Lease):
            self._hand_on(turn)
        elif turn == "make one":
            self._vacate()

    def _hand_on(self, lease: Lease) -> None:
        waiter = self._next_waiter()
        if waiter is None:
            self._idle.append(lease)
        else:
            waiter.set_result(lease)

    def _discard(self, lease: Lease) -> None:
        lease.connection.pgconn.finish()
        self._vacate()

    def _vacate(self) -> None:
        """Lets the first waiting call open a connection in place of a closed one."""
        waiter = self._next_waiter()
        if waiter is None:
            self._made -= 1
        else:
            waiter.set_result("make one")

    def _next_waiter(self) -> asyncio.Future[_Turn] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None
