"""The database of a command or of the hub: one given by URL, or the hub's own, started or adopted while needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import SetupError
from core.settings import Settings
from server.database import schema_revision
from server.postgres.embedded import EmbeddedPostgres


@contextmanager
def database_url(settings: Settings, *, must_exist: bool = False) -> Iterator[str]:
    """The URL of a database that runs inside the `with` block, as it is.

    Raises SetupError when it `must_exist` and the data directory holds none: a mistyped folder is not made.
    """
    if settings.database_url:
        yield settings.database_url
    elif must_exist and not _holds_database(settings.data_path):
        raise SetupError(
            f"There is no InTurn database in {settings.data_path}. Check --data-dir; `inturn-hub serve` makes a new one."
        )
    else:
        with EmbeddedPostgres(settings.data_path) as embedded:
            yield embedded.start()


def _holds_database(folder: Path) -> bool:
    # A link leads to a database outside; if that is gone, starting PostgreSQL tells where it was.
    data = folder / "data"
    return data.is_symlink() or (data / "PG_VERSION").is_file()


def prepare(url: str, *, own: Path | None) -> None:
    """Upgrades a database of the hub's own, in the folder `own`; of another (None), says what is missing.

    Raises SetupError.
    """
    if schema_revision.is_current(url):
        return
    # Alembic and SQLAlchemy take longer to import than everything else that a start needs, and hardly a start needs them.
    from server.schema import upgrade

    upgrade.make_current(url, own)
