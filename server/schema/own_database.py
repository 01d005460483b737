"""The database of a command or of the hub: at a given URL, or on the private server, which is started or adopted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import SetupError
from core.settings import Settings
from server.database import schema_revision
from server.postgres.embedded import EmbeddedPostgres


@contextmanager
def database_url(settings: Settings, *, must_exist: bool = False) -> Iterator[str]:
    """The URL of a database that runs inside the `with` block; its schema is not upgraded.

    Raises SetupError if it `must_exist` and the data directory has none, so that a mistyped folder is not created.
    """
    if settings.database_url:
        yield settings.database_url
    elif must_exist and not _holds_database(settings.data_path):
        raise SetupError(
            f"There is no InTurn database in {settings.data_path}. Check --data-dir; `inturn-hub serve` makes a new one."
        )
    else:
        announce_new_database(settings)
        with EmbeddedPostgres(settings.data_path) as embedded:
            yield embedded.start()


def announce_new_database(settings: Settings) -> None:
    """Prints, before the first start in a data directory, that a database is made there."""
    if not _holds_database(settings.data_path):
        print(f"There is no database in {settings.data_path} yet: making one.", file=sys.stderr)


def _holds_database(folder: Path) -> bool:
    # A link leads to a folder outside. If that is gone, the start of PostgreSQL raises LostCluster, which names it.
    data = folder / "data"
    return data.is_symlink() or (data / "PG_VERSION").is_file()


def prepare(url: str, *, own: Path | None) -> None:
    """Upgrades the hub's own database, in the folder `own`; another database (`own` None) must be current.

    Raises SetupError, for another database with what is missing.
    """
    if schema_revision.is_current(url):
        return
    # Imported here: Alembic and SQLAlchemy slow a start down, and nearly every start does without them.
    from server.schema import upgrade

    upgrade.make_current(url, own)
