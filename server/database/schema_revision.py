"""The schema that this program needs, and whether a database has it; uses the driver alone.

A hub starts on a current schema without loading SQLAlchemy and Alembic. `server.schema` upgrades a database.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import psycopg

from core.errors import SetupError
from server.database.address import ADMINISTRATION_CONNECT_SECONDS, driver_url
from server.database.errors import sentence_of

OLDEST_POSTGRESQL = 150000
SCHEMA = Path(__file__).parents[1] / "schema"
MIGRATIONS = SCHEMA / "migrations"
TRIGGER_FUNCTIONS = SCHEMA / "functions" / "triggers.sql"
"""The functions of triggers. They are created before the tables, whose triggers need them."""

_LOOK = "SELECT current_setting('server_version_num')::int, to_regprocedure('schema_revision()') IS NOT NULL"


@dataclass(frozen=True)
class SchemaInForce:
    """The schema of a database, or of this program.

    Attributes:
        revision: the last of its revisions.
        tables: fingerprint of the SQL of all its revisions; "" if an unreleased InTurn made the database.
        functions: fingerprint of its function files; "" likewise.
    """

    revision: str
    tables: str = ""
    functions: str = ""


def revision_file(revision: str) -> Path:
    """The SQL file of a revision."""
    return MIGRATIONS / "sql" / f"{revision}.sql"


def revision_files(up_to: str) -> list[Path]:
    """The SQL files of the revisions up to `up_to`, oldest first."""
    return [file for file in _sql_in(MIGRATIONS / "sql") if file.stem <= up_to]


def function_files() -> list[Path]:
    """The files that define the functions, including `TRIGGER_FUNCTIONS`."""
    return _sql_in(SCHEMA / "functions")


def _sql_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"))


@cache
def latest_revision() -> str:
    """The revision that this program needs."""
    return _sql_in(MIGRATIONS / "sql")[-1].stem


@cache
def fingerprint(*files: Path) -> str:
    """SHA-256 of files and their names; line endings and lines that are only a comment make no difference.

    A reworded comment must not make a clinic's database another program's.
    """
    whole = hashlib.sha256()
    for file in files:
        lines = file.read_text("utf-8").splitlines()
        statements = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
        whole.update(f"{file.name} {len(statements)}\n{statements}".encode())
    return whole.hexdigest()


def needed_schema() -> SchemaInForce:
    """The schema that this program needs."""
    latest = latest_revision()
    return SchemaInForce(latest, fingerprint(*revision_files(latest)), fingerprint(*function_files()))


def is_current(url: str) -> bool:
    """Whether the database has the current schema. Raises SetupError if it is unreachable, or older than version 15."""
    address, seconds = driver_url(url), ADMINISTRATION_CONNECT_SECONDS
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=seconds) as connection:
            [(version, tells_revision)] = connection.execute(_LOOK)
            if version < OLDEST_POSTGRESQL:
                raise SetupError("This PostgreSQL is too old: InTurn needs version 15 or newer.")
            if not tells_revision:
                return False
            [(installed,)] = connection.execute("SELECT schema_revision()")
    except psycopg.Error as error:
        raise SetupError(sentence_of(error)) from error
    return bool(installed == asdict(needed_schema()))
