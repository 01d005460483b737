"""The door to PostgreSQL: every call of a SQL function goes through here, and every driver error ends here.

The hub's operations are one statement each on a pooled driver connection in autocommit; schema and administration have
another door (`server.schema.engine`). A refusal raised by a SQL function (SQLSTATE IT000) becomes the refusal of
`core.errors` that it names; a database that can't be reached, or can't just now, becomes `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import psycopg

from core.errors import HubError
from server.chores import Chores
from server.database.address import connection_options, driver_url, place_of
from server.database.errors import away, busy, is_trouble, met_another, wrapped
from server.database.pool import Connection, ConnectionPool
from server.database.watch import DatabaseWatch
from server.timings import USUAL, Timings

__all__ = ["Database", "driver_url"]

_SAFETY = "-c statement_timeout=10s -c idle_in_transaction_session_timeout=10s"
_PLANS = "-c enable_seqscan=off -c jit=off"
"""Every statement of the hub finds its rows by an index, also by a plan that was made while the tables were empty."""
_TRIES = 5
_OUTCOMES = {"unavailable": "unavailable", "internal_error": "failed"}
"""Reason -> how a call ended; any other was refused."""


class Database:
    """Calls SQL functions, at most `size` at once; while the database is away every call is refused at once.

    Attributes:
        address: where it is, as the driver reads it; it may hold a password.
        epoch: the database's epoch as read with the newest connection; None before the first.
        host: where it is, without who may come in, e.g. "db1:5432"; "this computer" behind a local socket.
        on_call: told how each call ended (ok, refused, unavailable, failed) and the seconds that it took.
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
        """Whether the database answers, as far as is known."""
        return self._open and self._watch.available

    @property
    def unavailable_since(self) -> float | None:
        """Monotonic seconds since when the database is missed; None while it answers."""
        return self._watch.unavailable_since

    @property
    def latency(self) -> float:
        """Seconds that the last call, or the last look for the database, took."""
        return self._watch.latency

    @property
    def on_available(self) -> Callable[[], None]:
        """Called when the database answers again."""
        return self._watch.on_available

    @on_available.setter
    def on_available(self, told: Callable[[], None]) -> None:
        self._watch.on_available = told

    def pool_stats(self) -> dict[str, float]:
        """Connections: `size` that there are, `idle` of them, `max` allowed; calls that are `waiting` for one."""
        return self._pool.stats()

    async def open(self, chores: Chores) -> None:
        """Begins to watch, as one of `chores`; does not wait for the database."""
        self._open = True
        self._watch.start(chores)

    async def close(self) -> None:
        """Closes every connection; a call that is under way fails."""
        self._open = False
        await self._watch.aclose()
        self._pool.forget_all()

    async def call(self, function: str, *arguments: Any) -> str:
        """Calls a SQL function and returns its JSON text ("null" for SQL's null).

        Raises the refusal that the function raised, Unavailable, or InternalError for what should not happen. A
        call is made again when a pooled connection turns out to be dead (every change has its key, so that it
        happens once), when two first requests met with one key (the second then finds the first's result), and
        when its ticket moved to another line under it.
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
                if attempt < _TRIES and (met_another(error) or await self._lost_only_a_connection(error)):
                    continue
                raise wrapped(error) from error

    async def _lost_only_a_connection(self, error: psycopg.Error) -> bool:
        """Whether a new connection may do better; the idle ones may be as dead as the one that failed."""
        if not is_trouble(error) or not self.available:
            return False
        self._pool.forget_idle()
        return await self._watch.look()

    async def _call(self, function: str, arguments: tuple[Any, ...]) -> str:
        places = ", ".join(["%s"] * len(arguments))
        lease = await self._pool.take()
        try:
            # The function's name is one of ours, never a client's.
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
        """Reads the epoch first; and acts as a role that may call the hub's functions and do nothing else."""
        row = await (await connection.execute("SELECT current_epoch(), hub_role()")).fetchone()
        assert row is not None
        self.epoch, restricted = row
        if restricted:
            await connection.execute("SET ROLE inturn_hub")
