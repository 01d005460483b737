"""Whether the database answers: a circuit breaker, and the watch that opens and closes it.

Closed: calls go through. One that meets trouble, or that lasts, makes the watch look: it connects to each host of the
address, as to one that takes writes. If no host does the breaker opens, and every call is refused at once. Then the watch
looks four times a second (half open), and with the first success the breaker closes. Only a look opens or closes it: a
call may fail for its own reasons, and how an old one ends tells nothing of now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

import psycopg
from circuitbreaker import CircuitBreaker

from server.chores import Chore, Chores
from server.database.address import CONNECT_SECONDS, each_host
from server.database.errors import first_line, is_trouble
from server.database.pool import ConnectionPool
from server.timings import Timings

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.9
"""How long a look may take: connecting to every host, at the same time."""
PATIENCE_SECONDS = 0.9
"""A call that lasts longer makes the watch look; with the look itself a frozen server is found in two seconds."""


class DatabaseWatch:
    """Looks after one database and the connections to it.

    Attributes:
        latency: seconds that the last look or call took.
        unavailable_since: monotonic seconds since when the database is missed; None while it answers.
        host: the address of the host that was last seen to take writes; None: not looked yet.
        on_available: called when the database answers again.
    """

    def __init__(self, address: str, pool: ConnectionPool, timings: Timings) -> None:
        self.latency = 0.0
        self.unavailable_since: float | None = None
        self.host: str | None = None
        self.on_available: Callable[[], None] = lambda: None
        self._address = address
        self._hosts = each_host(address)
        self._pool = pool
        self._timings = timings
        self._looked = 0.0
        self._look: asyncio.Task[None] | None = None
        self._chore: Chore | None = None
        self._breaker = CircuitBreaker(
            failure_threshold=1,
            recovery_timeout=timings.database,
            expected_exception=_counts,
            name="database",
        )

    @property
    def available(self) -> bool:
        """Whether calls may go through."""
        return bool(self._breaker.closed)

    def start(self, chores: Chores) -> None:
        """Begins to watch. Vital: without it a database that is back would never be found."""
        self._chore = chores.start("database watch", self._keep_watch, vital=True)

    async def aclose(self) -> None:
        """Ends watching."""
        if self._chore is not None:
            await self._chore.stop()
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)

    async def look(self) -> bool:
        """Whether the database takes writes now: looked once for everybody who asks meanwhile."""
        if self._look is None or self._look.done():
            self._look = asyncio.get_running_loop().create_task(self._look_now())
        await asyncio.wait([self._look])
        return self.available

    async def where(self) -> str:
        """The address to connect to; of several hosts the one that takes writes, asked all at once."""
        if self.host is None and len(self._hosts) > 1:
            await self.look()
        return self.host or self._address

    async def _keep_watch(self) -> None:
        while True:
            await asyncio.sleep(self._timings.database)
            self._pool.end_calls_older_than(self._timings.call)
            lasting = self._pool.longest_call() > PATIENCE_SECONDS < monotonic() - self._looked
            if lasting or not (self._breaker.closed or self._breaker.opened):
                await self.look()

    async def _look_now(self) -> None:
        started = monotonic()
        failure: Exception | None = None
        try:
            with self._breaker:
                self.host = await _first_that_takes_writes(self._hosts)
            self.latency = monotonic() - started
        except (psycopg.Error, TimeoutError) as error:
            failure = error
        except Exception as error:
            log.exception("The database could not be looked for")
            failure = error
        self._looked = monotonic()
        if self.available:
            self._is_there()
        else:
            self._is_away(failure)

    def _is_away(self, failure: Exception | None) -> None:
        if self.unavailable_since is None:
            self.unavailable_since = monotonic()
            log.warning("The database does not answer: %s", first_line(failure) if failure else "")
            self._pool.forget_all()

    def _is_there(self) -> None:
        if self.unavailable_since is not None:
            log.info("The database answers again after %.1f s", monotonic() - self.unavailable_since)
            self.unavailable_since = None
            self.on_available()


def _counts(_kind: type[BaseException], error: BaseException) -> bool:
    """Whether a look failed; one that was broken off must not close the breaker either."""
    return is_trouble(error) or not isinstance(error, psycopg.Error)


async def _first_that_takes_writes(hosts: list[str]) -> str:
    """The first host to say so. Raises the last one's error, or TimeoutError."""
    loop = asyncio.get_running_loop()
    asked = [loop.create_task(_takes_writes(host)) for host in hosts]
    failure: psycopg.Error | None = None
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            for answer in asyncio.as_completed(asked):
                try:
                    return await answer
                except psycopg.Error as error:
                    failure = error
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    assert failure is not None
    raise failure


async def _takes_writes(host: str) -> str:
    """Connecting asks it all: a standby, or a server that is only starting, does not let such a connection in."""
    connection = await psycopg.AsyncConnection.connect(
        host, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="inturn-hub watch"
    )
    await connection.close()
    return host
