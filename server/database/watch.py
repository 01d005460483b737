"""A circuit breaker for the database, and the watch that opens and closes it.

Closed: calls pass. A call that fails or runs long makes the watch poll: it connects to each host of the address and
demands one that takes writes. If no host does, the breaker opens, and every call is refused at once. Then the watch
polls four times a second (half open); the first success closes the breaker. Only a poll opens or closes it: a call can
fail for reasons of its own, and the end of an old call shows nothing of the present.
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
from server.database.pool import ConnectionPool, ended_when_broken_off
from server.timings import Timings

log = logging.getLogger(__name__)

POLL_SECONDS = 0.9
"""Timeout of a poll, which connects to all hosts concurrently."""
PATIENCE_SECONDS = 0.9
"""A call that runs longer makes the watch poll: with the poll itself, a frozen server is detected within 2 s."""


class DatabaseWatch:
    """Polls one database and drops dead connections to it.

    Attributes:
        latency: duration in seconds of the latest poll or call.
        unavailable_since: monotonic time at which the database became unreachable; None while it answers.
        host: address of the host that took writes at the latest successful poll; None before the first.
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
        self._polled_at = 0.0
        self._polling: asyncio.Task[None] | None = None
        self._chore: Chore | None = None
        self._breaker = CircuitBreaker(
            failure_threshold=1,
            recovery_timeout=timings.database,
            expected_exception=_counts,
            name="database",
        )

    @property
    def available(self) -> bool:
        """Whether calls may pass."""
        return bool(self._breaker.closed)

    def start(self, chores: Chores) -> None:
        """Starts the watch. Vital: without it the hub would never find a database that is back."""
        self._chore = chores.start("database watch", self._keep_watch, vital=True)

    async def aclose(self) -> None:
        """Stops the watch and cancels a running poll."""
        if self._chore is not None:
            await self._chore.stop()
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    async def poll(self) -> bool:
        """Polls whether the database takes writes now; concurrent callers share one poll."""
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._poll_now())
        await asyncio.wait([self._polling])
        return self.available

    async def where(self) -> str:
        """The address to connect to; of several hosts, the one that takes writes."""
        if self.host is None and len(self._hosts) > 1:
            await self.poll()
        return self.host or self._address

    async def _keep_watch(self) -> None:
        while True:
            await asyncio.sleep(self._timings.database)
            self._pool.end_calls_older_than(self._timings.call)
            slow = self._pool.longest_call() > PATIENCE_SECONDS < monotonic() - self._polled_at
            if slow or not (self._breaker.closed or self._breaker.opened):
                await self.poll()

    async def _poll_now(self) -> None:
        started = monotonic()
        failure: Exception | None = None
        try:
            with self._breaker:
                self.host = await _first_that_takes_writes(self._hosts)
            self.latency = monotonic() - started
        except (psycopg.Error, TimeoutError) as error:
            failure = error
        except Exception as error:
            log.exception("A poll of the database failed unexpectedly")
            failure = error
        self._polled_at = monotonic()
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
    """Whether an error of a poll opens the breaker. Also one other than psycopg's: a cancelled poll must not close it."""
    return is_trouble(error) or not isinstance(error, psycopg.Error)


async def _first_that_takes_writes(hosts: list[str]) -> str:
    """The first host that takes writes; tries all concurrently. Raises the last host's error, or TimeoutError."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(_takes_writes(host)) for host in hosts]
    failure: psycopg.Error | None = None
    try:
        async with asyncio.timeout(POLL_SECONDS):
            for answer in asyncio.as_completed(tasks):
                try:
                    return await answer
                except psycopg.Error as error:
                    failure = error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert failure is not None
    raise failure


async def _takes_writes(host: str) -> str:
    """Returns the host if it accepts a connection: a standby and a starting server refuse it. Raises psycopg.Error."""
    with ended_when_broken_off():
        connection = await psycopg.AsyncConnection.connect(
            host, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="inturn-hub watch"
        )
    await connection.close()
    return host
