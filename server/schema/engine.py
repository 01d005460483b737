"""SQLAlchemy's engine for schema, administration and reports. A hub that serves does not load it."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from server.database import errors
from server.database.address import ADMINISTRATION_CONNECT_SECONDS, driver_url


def administration_engine(url: str) -> Engine:
    """An engine with one connection. Raises SetupError for an invalid URL."""
    address = driver_url(url).replace("postgresql:", "postgresql+psycopg:", 1)
    return create_engine(
        address, pool_size=1, connect_args={"connect_timeout": ADMINISTRATION_CONNECT_SECONDS}
    )


def sentence_of(error: DBAPIError) -> str:
    """The sentence about a failed administrative statement that an administrator reads."""
    return errors.sentence_of(error.orig or error)


def wake_hubs(connection: Connection) -> None:
    """Notifies every running hub at the commit, so that it reads the changes before its next poll."""
    connection.execute(text("SELECT pg_notify('inturn', 'administration')"))
