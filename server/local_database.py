"""The database of a command or of the hub: one given by URL, or the hub's own, started or adopted while needed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from core.errors import SetupError
from core.settings import Settings
from server import hub_role, schema
from server.database import administration_engine, sentence_of
from server.database_upgrade import Upgrade, upgrade_database
from server.embedded_postgres import EmbeddedPostgres
from server.legacy import database as legacy_database

log = logging.getLogger(__name__)

OLDEST_POSTGRESQL = 150000


@contextmanager
def database_url(settings: Settings, *, must_exist: bool = False) -> Iterator[str]:
    """The URL of a database that runs inside the `with` block, as it is.

    Raises SetupError when it `must_exist` and the data directory holds none: a mistyped folder is not made.
    """
    if settings.database_url:
        yield settings.database_url
    elif must_exist and not (settings.data_path / "data" / "PG_VERSION").is_file():
        raise SetupError(
            f"There is no InTurn database in {settings.data_path}. Check --data-dir; `inturn-hub serve` makes a new one."
        )
    else:
        with EmbeddedPostgres(settings.data_path) as embedded:
            yield embedded.start()


@contextmanager
def database_engine(settings: Settings, *, must_exist: bool = False) -> Iterator[Engine]:
    """An engine of the database's owner, whatever its schema.

    Raises SetupError for an account that can only serve; what the database refuses inside the block is one, too.
    """
    with database_url(settings, must_exist=must_exist) as url:
        engine = administration_engine(url)
        try:
            with engine.connect() as connection:
                hub_role.refuse_who_only_serves(connection)
            yield engine
        except DBAPIError as error:
            raise SetupError(sentence_of(error)) from error
        finally:
            engine.dispose()


@contextmanager
def current_engine(settings: Settings, *, must_exist: bool = False) -> Iterator[Engine]:
    """An engine on a database with the current schema: its own is upgraded, another's must be. Raises SetupError."""
    with database_engine(settings, must_exist=must_exist) as engine:
        prepare(engine, own=None if settings.database_url else settings.data_path)
        yield engine


def prepare(engine: Engine, *, own: Path | None) -> None:
    """Upgrades a database of the hub's own, in the folder `own`; of another (None), says what is missing.

    Raises SetupError, DBAPIError.
    """
    with engine.connect() as connection:
        version = connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one()
        if version < OLDEST_POSTGRESQL:
            raise SetupError("This PostgreSQL is too old: InTurn needs version 15 or newer.")
        found = legacy_database.recognise(connection)
        if found.kind == "ours" and schema.current_revision(connection) == schema.latest_revision():
            return
    if own is not None:
        for line in upgrade_database(engine, Upgrade(folder=own)).lines:
            log.info("%s", line)
        return
    legacy_database.refuse_foreign(found)
    if found.kind == "legacy":
        raise SetupError(
            "This database is the earlier version's. Stop it, then run `inturn-hub db upgrade` (try it with --dry-run)."
        )
    raise SetupError("This database has not InTurn's current schema. Run `inturn-hub db upgrade` first.")
