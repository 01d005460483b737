"""Reads which schema a database has, and upgrades it to the current schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from core.errors import SetupError
from server.database.schema_revision import (
    MIGRATIONS,
    SchemaInForce,
    fingerprint,
    latest_revision,
    needed_schema,
    revision_files,
)
from server.schema import hub_role, installed_functions

UPGRADE_LOCK = 0x1A7A_5C4E
"""Advisory lock: of several processes that adopt one cluster, one upgrades it."""
# If there is a schema with the account's name, PostgreSQL would create tables and functions there.
_SET_SEARCH_PATH = (
    "SELECT set_config('search_path', relnamespace::regnamespace::text, true) FROM pg_class "
    "WHERE oid = to_regclass('settings')"
)


def _configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def schema_in_force(connection: Connection) -> SchemaInForce | None:
    """The schema of a database; None if InTurn did not create one."""
    if hub_role.only_serves(connection):
        recorded = connection.execute(text("SELECT schema_revision()")).scalar_one()
        return SchemaInForce(**recorded) if isinstance(recorded, dict) else SchemaInForce(recorded)
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        return None
    if connection.execute(text("SELECT to_regclass('installed_schema')")).scalar_one() is None:
        return SchemaInForce(revision)
    query = text("SELECT tables_fingerprint, functions_fingerprint FROM installed_schema")
    return SchemaInForce(revision, *(connection.execute(query).first() or ()))


@contextmanager
def upgrade_transaction(engine: Engine, *, dry_run: bool = False) -> Iterator[Connection]:
    """One transaction under UPGRADE_LOCK, so that no other process upgrades this database; a dry run rolls it back."""
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
        yield connection
        if dry_run:
            transaction.rollback()


def missing_revisions(connection: Connection) -> list[str]:
    """The revisions that the database lacks, oldest first.

    Raises SetupError if a newer or an unreleased InTurn made the database.
    """
    before = schema_in_force(connection)
    _refuse_other_tables(before)
    steps = ScriptDirectory.from_config(_configuration()).iterate_revisions(
        "head", before.revision if before else "base"
    )
    return [step.revision for step in steps][::-1]


def lacks_functions(connection: Connection) -> bool:
    """Whether the functions are those of another version of InTurn, or differ from what the last upgrade installed."""
    found = schema_in_force(connection)
    if found is None or found.functions != needed_schema().functions:
        return True
    differences = installed_functions.function_differences(connection)
    return any(difference.fault != "strange" for difference in differences)


def apply_revisions(connection: Connection) -> list[str]:
    """Upgrades the database to the current schema in the caller's transaction, and grants all privileges again.

    Returns the names of the revisions that were missing. Raises SetupError like `missing_revisions`; DBAPIError.
    """
    missing = missing_revisions(connection)
    if missing or lacks_functions(connection):
        _apply(connection)
    hub_role.set_up(connection)
    return missing


def upgrade(engine: Engine) -> list[str]:
    """Upgrades a database to the current schema in one transaction; returns the revisions that were missing."""
    with upgrade_transaction(engine) as connection:
        return apply_revisions(connection)


def build(connection: Connection, revision: str, load: Callable[[], None]) -> None:
    """Creates the tables as `revision` had them in the current schema, which must be empty; `load` fills them.

    Then upgrades tables and rows to the current schema. Grants no privileges. Raises DBAPIError.
    """
    before = installed_functions.begin(connection)
    _migrate(connection, revision)
    load()
    _complete(connection, before)


def _apply(connection: Connection) -> None:
    """Applies the missing revisions, installs every function, and records both."""
    connection.execute(text(_SET_SEARCH_PATH))
    _complete(connection, installed_functions.begin(connection))


def _complete(connection: Connection, before: set[installed_functions.Function]) -> None:
    _migrate(connection, "head")
    installed_functions.put_in_place(connection, before)
    _record(connection)


def _migrate(connection: Connection, revision: str) -> None:
    config = _configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _record(connection: Connection) -> None:
    needed = needed_schema()
    connection.execute(text("DELETE FROM installed_schema"))
    record = "INSERT INTO installed_schema (tables_fingerprint, functions_fingerprint) VALUES (:tables, :functions)"
    connection.execute(text(record), {"tables": needed.tables, "functions": needed.functions})
    connection.execute(
        text("UPDATE settings SET cluster_identity = cluster_identity_now() WHERE cluster_identity IS NULL")
    )


def _refuse_other_tables(found: SchemaInForce | None) -> None:
    if found is None:
        return
    if found.tables and found.revision not in {file.stem for file in revision_files(latest_revision())}:
        raise SetupError(
            f"This database was made by a newer InTurn (its schema is {found.revision}). "
            "Please install that version here."
        )
    if found.tables != fingerprint(*revision_files(found.revision)):
        raise SetupError(
            f"This database was made by an unreleased InTurn (its schema is {found.revision}), which no version can "
            "upgrade. Begin with a new database: another --data-dir or --database-url. This database stays as it is."
        )
