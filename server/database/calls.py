"""Calls SQL functions for the hub and converts the driver's errors.

Each call is one statement on a pooled connection in autocommit. Schema and administration use SQLAlchemy instead
(`server.schema.engine`). A refusal raised by a SQL function (SQLSTATE IT000) becomes the exception of `core.errors` with
that reason. A database that is unreachable or overloaded becomes `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import psycopg

from core.errors import HubError
from server.chores import Chores
from server.database.address import connection_options, driver_url, place_of
from server.database.errors import away, busy, collided, is_trouble, wrapped
from server.database.pool import Connection, ConnectionPool
from server.database.watch import DatabaseWatch
from server.timings import USUAL, Timings

__all__ = ["Database", "driver_url"]

_SAFETY = "-c statement_timeout=10s -c idle_in_transaction_session_timeout=10s"
_PLANS = "-c enable_seqscan=off -c jit=off"
"""Makes every plan use indexes, also one that was made while the tables were empty."""
_TRIES = 5
"""Attempts of one call."""
_OUTCOMES = {"unavailable": "unavailable", "internal_error": "failed"}
"""Reason -> outcome of a call for `on_call`; any other reason: "refused"."""


class Database:
    """Calls SQL functions, at most `size` concurrently; raises Unavailable at once while the database is unreachable.

    Attributes:
        address: the driver's address; it may have a password.
        epoch: the database's epoch as read with the newest connection; None before the first.
        host: the hosts without credentials, e.g. "db1:5432"; "this computer" for a local socket.
        on_call: called after each call with its outcome (ok, refused, unavailable, failed) and duration in seconds.
    """

    def __init__(self, url: str, *, size: int = 8, timings: Timings = USUAL) -> None:
        self.epoch: str | None = None
        self.on_call: Callable[[str, float], None] = lambda _outcome, _seconds: None
        self.address = driver_url(url)
        self.host = place_of(self.address)
        # The second in the queue at a row waits for two locks: for its place, then for the row.
        self._options = f"{_SAFETY} -c lock_timeout={round(timings.lock * 1000)}ms {_PLANS}"
        self._pool = ConnectionPool(self._connect, self._introduce, size, timings.connection)
        self._watch = DatabaseWatch(self.address, self._pool, timings)
        self._open = False

    @property
    def available(self) -> bool:
        """Whether the database answered the watch's latest poll."""
        return self._open and self._watch.available

    @property
    def unavailable_since(self) -> float | None:
        """Monotonic time at which the database became unreachable; None while it answers."""
        return self._watch.unavailable_since

    @property
    def latency(self) -> float:
        """Duration in seconds of the latest call or poll."""
        return self._watch.latency

    @property
    def on_available(self) -> Callable[[], None]:
        """Called when the database answers again."""
        return self._watch.on_available

    @on_available.setter
    def on_available(self, callback: Callable[[], None]) -> None:
        self._watch.on_available = callback

    def pool_stats(self) -> dict[str, float]:
        """Number of connections: open (`size`), `idle` and allowed (`max`); and of calls `waiting` for one."""
        return self._pool.stats()

    async def open(self, chores: Chores) -> None:
        """Starts the watch as one of `chores`; does not wait for the database."""
        self._open = True
        self._watch.start(chores)

    async def close(self) -> None:
        """Closes every connection; running calls fail."""
        self._open = False
        await self._watch.aclose()
        self._pool.forget_all()

    async def call(self, function: str, *arguments: Any) -> str:
        """Calls a SQL function and returns its JSON text ("null" for SQL's null).

        Raises the function's refusal, Unavailable, or InternalError for an unexpected error. A call is retried, up to 5
        times in all, in three cases: its pooled connection was dead (a change has a key, so that it happens once), two
        first requests with one key collided (the retry returns the first's result), or its ticket moved to another line
        before the lock.
        """
        began, outcome = monotonic(), "failed"
        try:
            text = await self._call_until_done(function, arguments)
            outcome = "ok"
            return text
        except HubError as error:
            outcome = _OUTCOMES.get(error.reason, "refused")
            raise
        finally:
            self.on_call(outcome, monotonic() - began)

    async def _call_until_done(self, function: str, arguments: tuple[Any, ...]) -> str:
        attempt = 0
        while True:
            attempt += 1
            if not self.available:
                raise away()
            try:
                return await self._call(function, arguments)
            except psycopg.Error as error:
                if attempt < _TRIES and (collided(error) or await self._lost_only_a_connection(error)):
                    continue
                raise wrapped(error) from error

    async def _lost_only_a_connection(self, error: psycopg.Error) -> bool:
        """Whether a new connection may succeed. Closes the idle ones, which may be as dead as the failed one."""
        if not is_trouble(error) or not self.available:
            return False
        self._pool.forget_idle()
        return await self._watch.poll()

    async def _call(self, function: str, arguments: tuple[Any, ...]) -> str:
        places = ", ".join(["%s"] * len(arguments))
        lease = await self._pool.take()
        try:
            # The function's name is a constant of the hub, never a client's text.
            statement = f"SELECT {function}({places})::text".encode()
            row = await (await lease.connection.execute(statement, arguments)).fetchone()
        except psycopg.Error as error:
            if lease.doomed:
                raise busy() if self.available else away() from error
            raise
        finally:
            self._pool.give_back(lease)
        self._watch.latency = monotonic() - lease.taken
        assert row is not None
        return str(row[0]) if row[0] is not None else "null"

    async def _connect(self) -> Connection:
        where = await self._watch.where()
        options = connection_options(where, application="inturn-hub", options=self._options)
        return await psycopg.AsyncConnection.connect(**options)

    async def _introduce(self, connection: Connection) -> None:
        """Reads the epoch, then sets the role that may only call the hub's functions."""
        row = await (await connection.execute("SELECT current_epoch(), hub_role()")).fetchone()
        assert row is not None
        self.epoch, restricted = row
        if restricted:
            await connection.execute("SET ROLE inturn_hub")
