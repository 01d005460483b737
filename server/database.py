"""The door to PostgreSQL: every call of a SQL function goes through here, and every driver error ends here.

The hub's operations are one statement each on a pooled driver connection in autocommit; administration and schema
use SQLAlchemy on an engine of their own. A refusal raised by a SQL function (SQLSTATE IT000) becomes the refusal of
`core.errors` that it names; a database that can't be reached becomes `Unavailable`.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from core.errors import HubError, InternalError, Unavailable, hub_error
from server.database_address import driver_url

__all__ = ["Database", "administration_engine", "driver_url", "sentence_of"]

log = logging.getLogger(__name__)

REFUSED = "IT000"
MOVED_MEANWHILE = "IT001"
"""A ticket changed lines between being read and being locked: the call is made again (`lock_ticket`)."""
RETRY_SECONDS = 1
ADMINISTRATION_CONNECT_SECONDS = 5
"""For each host."""
_SAFETY = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"
_PLANS = "-c enable_seqscan=off -c jit=off"
"""Every statement of the hub finds its rows by an index, also by a plan that was made while the tables were empty."""
_ONCE = "requests_once"
_TRIES = 5
DRIVER_ERRORS = (psycopg.Error, PoolTimeout, PoolClosed)


def administration_engine(url: str) -> Engine:
    """A SQLAlchemy engine for schema, administration and reports. Raises SetupError."""
    address = driver_url(url).replace("postgresql:", "postgresql+psycopg:", 1)
    return create_engine(
        address, pool_size=1, connect_args={"connect_timeout": ADMINISTRATION_CONNECT_SECONDS}
    )


def sentence_of(error: DBAPIError) -> str:
    """What a person should read of an administrative statement's failure."""
    cause = error.orig
    if isinstance(cause, psycopg.Error) and cause.sqlstate == REFUSED:
        return _refusal(cause).message
    if isinstance(cause, psycopg.OperationalError):
        return f"The database can't be reached: {str(cause).strip().splitlines()[0]}"
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return "That code, name or prefix is already taken."
    if isinstance(cause, psycopg.errors.CheckViolation):
        return f"The database refused that value ({cause.diag.constraint_name})."
    return f"The database refused that: {str(cause).strip().splitlines()[0]}"


class Database:
    """A pool of autocommit connections that call SQL functions.

    Attributes:
        failing_since: monotonic seconds when the database was first missed, None while it answers.
        epoch: of the database, as its newest connection read it; None before.
    """

    def __init__(self, url: str, *, size: int = 8) -> None:
        self._pool = AsyncConnectionPool(
            driver_url(url),
            min_size=1,
            max_size=size,
            open=False,
            timeout=2.0,
            reconnect_timeout=2.0,
            kwargs={
                "autocommit": True,
                "options": f"{_SAFETY} {_PLANS}",
                "connect_timeout": 2,
                "application_name": "inturn-hub",
            },
        )
        self.failing_since: float | None = None
        self.epoch: str | None = None

    @property
    def available(self) -> bool:
        """Whether the database answers, as far as is known."""
        return self.failing_since is None

    async def open(self) -> None:
        """Opens the pool; does not wait for the database."""
        await self._pool.open()

    async def close(self) -> None:
        """Closes every connection."""
        await self._pool.close()

    async def call(self, function: str, *arguments: Any) -> str:
        """Calls a SQL function and returns its JSON text ("null" for SQL's null).

        Raises the refusal that the function raised, Unavailable, or InternalError for what should not happen. A
        call is made again when a pooled connection turns out to be dead (every change has its key, so that it
        happens once), when two first requests met with one key (the second then finds the first's result), and
        when its ticket moved to another line under it.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._call(function, arguments)
            except DRIVER_ERRORS as error:
                if attempt < _TRIES and (_met_another(error) or await self._may_recover(error)):
                    continue
                wrapped = _wrapped(error)
                if isinstance(wrapped, Unavailable) and attempt > 1:
                    log.warning("The database does not answer")
                raise wrapped from error

    async def _may_recover(self, error: Exception) -> bool:
        """Whether another connection may do better: dead ones are looked for once, until the database answers again."""
        if not isinstance(_wrapped(error), Unavailable) or self.failing_since is not None:
            return False
        self.failing_since = monotonic()
        await self._pool.check()
        return True

    async def _call(self, function: str, arguments: tuple[Any, ...]) -> str:
        places = ", ".join(["%s"] * len(arguments))
        async with self._pool.connection() as connection:
            # The function's name is one of ours, never a client's.
            cursor = await connection.execute(f"SELECT {function}({places})::text", arguments)
            row = await cursor.fetchone()
        self.failing_since = None
        assert row is not None
        return str(row[0]) if row[0] is not None else "null"


def _met_another(error: Exception) -> bool:
    """Whether a call failed only because another one was in its way, and will do now."""
    if not isinstance(error, psycopg.Error):
        return False
    return error.sqlstate == MOVED_MEANWHILE or error.diag.constraint_name == _ONCE


def _refusal(error: psycopg.Error) -> HubError:
    return hub_error(error.diag.message_primary or "refused", error.diag.message_detail or None)


def _wrapped(error: Exception) -> HubError:
    if isinstance(error, psycopg.Error) and error.sqlstate == REFUSED:
        return _refusal(error)
    moving = isinstance(error, psycopg.Error) and error.sqlstate == MOVED_MEANWHILE
    if moving or isinstance(
        error, (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)
    ):
        return Unavailable(retry_after=RETRY_SECONDS)
    log.error("The database refused a statement", exc_info=error)
    return InternalError()
