"""Notifies the other hubs of one database: NOTIFY on one connection, LISTEN on another, both outside the pool.

A notification has no content: the hub that gets it polls the database, as every hub does each second anyway. So a lost
notification delays a push by at most 1 s, and no caller waits for it. NOTIFY is never sent inside a transaction:
PostgreSQL would serialize the commits of the whole server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import Any

import psycopg

from server.chores import Chores
from server.database.address import CONNECT_SECONDS, connection_options, driver_url
from server.database.errors import first_line
from server.database.pool import Connection, ended_when_broken_off, hang_up
from server.timings import USUAL

log = logging.getLogger(__name__)

CHANNEL = "inturn"
COALESCE_SECONDS = 0.02
"""Shortest time between two notifications."""
AGAIN_SECONDS = 0.5
"""Pause before a new connection."""
WORKED_SECONDS = 5.0
"""A connection that ended after this time was established: its end is a new break, and logged again."""


class DatabaseChannel:
    """One hub's end of the channel.

    A notification of its own that does not come back within `seconds` shows that its listening connection is no good.
    """

    def __init__(self, database_url: str, seconds: float = USUAL.echo) -> None:
        self._seconds = seconds
        self._address = driver_url(database_url)
        self._own = token_hex(8)
        self._on_wake: Callable[[], None] = lambda: None
        self._due = asyncio.Event()
        self._unheard_since: float | None = None
        self._listening: Connection | None = None

    def start(self, on_wake: Callable[[], None], chores: Chores) -> None:
        """Starts listening; `on_wake` is called when another hub or the command line changed something."""
        self._on_wake = on_wake
        chores.start("listener to other hubs", partial(_again_and_again, self._listen))
        chores.start("speaker to other hubs", partial(_again_and_again, self._speak))

    def wake_others(self) -> None:
        """Notifies the other hubs of a commit; commits within `COALESCE_SECONDS` share a notification."""
        self._due.set()

    async def _listen(self) -> None:
        async with _connected(self._address, "inturn-hub listens") as connection:
            await self._execute(connection, f"LISTEN {CHANNEL}")
            self._listening, self._unheard_since = connection, None
            self._on_wake()  # for changes made before LISTEN
            try:
                async with contextlib.aclosing(connection.notifies()) as notifications:
                    async for notification in notifications:
                        self._heard(notification.payload)
            finally:
                self._listening = None

    async def _speak(self) -> None:
        await self._due.wait()
        async with _connected(self._address, "inturn-hub notifies") as connection:
            while True:
                await self._due.wait()
                self._due.clear()
                try:
                    await self._execute(connection, f"NOTIFY {CHANNEL}, '{self._own}'")
                except BaseException:
                    self._due.set()
                    raise
                self._expect_to_hear()
                await asyncio.sleep(COALESCE_SECONDS)

    def _heard(self, sender: str) -> None:
        if sender == self._own:
            self._unheard_since = None
        else:
            self._on_wake()

    def _expect_to_hear(self) -> None:
        now = monotonic()
        if self._unheard_since is None:
            self._unheard_since = now
        elif now - self._unheard_since > self._seconds and self._listening is not None:
            hang_up(self._listening)

    async def _execute(self, connection: Connection, statement: str) -> None:
        deadline = asyncio.get_running_loop().call_later(self._seconds, hang_up, connection)
        try:
            await connection.execute(statement.encode())
        finally:
            deadline.cancel()


async def _again_and_again(part: Callable[[], Coroutine[Any, Any, None]]) -> None:
    logged = False
    while True:
        began = monotonic()
        try:
            await part()
        except (psycopg.Error, TimeoutError) as error:
            logged = logged and monotonic() - began < WORKED_SECONDS
            level = (
                logging.DEBUG if logged else logging.INFO
            )  # once for each break, however many retries follow
            log.log(level, "The channel to the other hubs is broken; reconnecting: %s", first_line(error))
            logged = True
        await asyncio.sleep(AGAIN_SECONDS)


@contextlib.asynccontextmanager
async def _connected(address: str, application: str) -> AsyncIterator[Connection]:
    async with asyncio.timeout(CONNECT_SECONDS):
        with ended_when_broken_off():
            connection = await psycopg.AsyncConnection.connect(
                **connection_options(address, application=application)
            )
    try:
        yield connection
    finally:
        await connection.close()
