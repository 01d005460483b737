"""Brings a database to the current schema, and says which one it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from core.errors import SetupError
from server.database.schema_revision import MIGRATIONS
from server.schema import hub_role

UPGRADE_LOCK = 0x1A7A_5C4E
"""Advisory lock: several processes may adopt one cluster, one of them upgrades it."""


def _configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def current_revision(connection: Connection) -> str | None:
    """The schema's revision, None for a database that InTurn never touched."""
    if hub_role.only_serves(connection):
        return str(connection.execute(text("SELECT schema_revision()")).scalar_one())
    return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def upgrade_transaction(engine: Engine, *, dry_run: bool = False) -> Iterator[Connection]:
    """One transaction, alone among those that upgrade this database; a dry run's is rolled back."""
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
        yield connection
        if dry_run:
            transaction.rollback()


def missing_revisions(connection: Connection) -> list[str]:
    """The revisions that the database lacks, oldest first. Raises SetupError for a database of a newer InTurn."""
    before = current_revision(connection)
    _refuse_newer(before)
    steps = ScriptDirectory.from_config(_configuration()).iterate_revisions("head", before or "base")
    return [step.revision for step in steps][::-1]


def apply_revisions(connection: Connection) -> list[str]:
    """Applies the missing revisions in the caller's transaction and returns their names."""
    missing = missing_revisions(connection)
    config = _configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return missing


def upgrade(engine: Engine) -> list[str]:
    """Applies the missing revisions in one transaction and returns their names; empty if nothing was missing."""
    with upgrade_transaction(engine) as connection:
        return apply_revisions(connection)


def _refuse_newer(revision: str | None) -> None:
    script = ScriptDirectory.from_config(_configuration())
    if revision is not None and revision not in {step.revision for step in script.walk_revisions()}:
        raise SetupError(
            f"This database was made by a newer InTurn (its schema is {revision}). Please install that version here."
        )
