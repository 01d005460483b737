"""Which schema this program needs, and whether a database has it: asked of the driver alone.

A hub that starts on a database with the current schema needs no more; `server.schema` brings a database there.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import psycopg

from core.errors import SetupError
from server.database.address import ADMINISTRATION_CONNECT_SECONDS, driver_url
from server.database.errors import sentence_of

OLDEST_POSTGRESQL = 150000
MIGRATIONS = Path(__file__).parents[1] / "schema" / "migrations"

_LOOK = "SELECT current_setting('server_version_num')::int, to_regprocedure('schema_revision()') IS NOT NULL"


@cache
def latest_revision() -> str:
    """The revision that this program needs: the last of its migrations, each a file that is named like it."""
    return max(file.stem for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def is_current(url: str) -> bool:
    """Whether the database has the current schema. Raises SetupError: it can't be reached, or is too old for InTurn."""
    address, seconds = driver_url(url), ADMINISTRATION_CONNECT_SECONDS
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=seconds) as connection:
            [(version, tells_revision)] = connection.execute(_LOOK)
            if version < OLDEST_POSTGRESQL:
                raise SetupError("This PostgreSQL is too old: InTurn needs version 15 or newer.")
            if not tells_revision:
                return False
            [(revision,)] = connection.execute("SELECT schema_revision()")
    except psycopg.Error as error:
        raise SetupError(sentence_of(error)) from error
    return bool(revision == latest_revision())
