"""`inturn-hub db upgrade`: upgrades an empty database, that of an older InTurn or of the earlier version.

The whole upgrade is one transaction under a lock: a failed upgrade and a dry run change nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from core.errors import SetupError
from server.postgres.files import follow_owner
from server.schema import revisions
from server.schema.backup import refuse_existing, write_backup
from server.schema.engine import administration_engine, sentence_of
from server.schema.legacy import database as legacy_database
from server.schema.legacy import upgrade as legacy_upgrade
from server.schema.legacy.database import UNCHANGED, Found

log = logging.getLogger(__name__)

_IN_USE = {"55P03", "40P01"}
_DUPLICATES = {"42P07", "42710"}
"""SQLSTATEs. _IN_USE: lock not available, deadlock. _DUPLICATES: a table or another object exists already."""


@dataclass(frozen=True)
class Upgrade:
    """Options of an upgrade.

    Attributes:
        folder: folder for the backup of the earlier version's database unless `backup` is given.
        backup: file for a backup of the database before the upgrade.
        time_zone: IANA name of the zone whose local times the earlier version's tables hold.
        dry_run: whether the transaction is rolled back; then no backup is written.
    """

    folder: Path
    backup: Path | None = None
    time_zone: str = "UTC"
    dry_run: bool = False


@dataclass(frozen=True)
class Upgraded:
    """Report of an upgrade: a dry run has the same `lines`; `backup` is the file that was written.

    `taken_over`: the database was the earlier version's.
    """

    lines: list[str]
    backup: Path | None = None
    taken_over: bool = False


def make_current(url: str, own: Path | None) -> None:
    """Upgrades the hub's own database, in the folder `own`. Raises SetupError.

    Another database (`own` None) is left as it is: the SetupError says what is missing.
    """
    engine = administration_engine(url)
    try:
        if own is None:
            _refuse_outdated(engine)
        else:
            for line in upgrade_database(engine, Upgrade(folder=own)).lines:
                log.info("%s", line)
    except DBAPIError as error:
        raise SetupError(sentence_of(error)) from error
    finally:
        engine.dispose()


def _refuse_outdated(engine: Engine) -> NoReturn:
    with engine.connect() as connection:
        found = legacy_database.recognise(connection)
        legacy_database.refuse_foreign(found)
        missing = revisions.missing_revisions(connection) if found.kind == "ours" else ["everything"]
    if found.kind == "legacy":
        raise SetupError(
            "This database is the earlier version's. Stop it, then run `inturn-hub db upgrade` (try it with --dry-run)."
        )
    lacking = "InTurn's current schema" if missing else "the functions of this version of InTurn"
    raise SetupError(f"This database has not {lacking}. Run `inturn-hub db upgrade` first.")


def upgrade_database(engine: Engine, wanted: Upgrade) -> Upgraded:
    """Upgrades a database to the current schema unless it has it. Raises SetupError, DBAPIError."""
    found: Found | None = None
    try:
        with revisions.upgrade_transaction(engine, dry_run=wanted.dry_run) as connection:
            found = legacy_database.recognise(connection)
            legacy_database.refuse_foreign(found)
            if found.kind == "legacy":
                return _take_over(engine, connection, wanted)
            return _apply(engine, connection, wanted)
    except DBAPIError as error:
        if found is not None and found.kind == "legacy":
            raise SetupError(_takeover_failure(error)) from error
        raise


def _take_over(engine: Engine, connection: Connection, wanted: Upgrade) -> Upgraded:
    legacy_upgrade.require_zone(connection, wanted.time_zone)
    legacy_database.lock_old_tables(connection)
    file = wanted.backup or wanted.folder / f"legacy-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    backup = _back_up(engine, file, wanted)
    return Upgraded(legacy_upgrade.take_over(connection, wanted.time_zone), backup, taken_over=True)


def _apply(engine: Engine, connection: Connection, wanted: Upgrade) -> Upgraded:
    missing, functions = revisions.missing_revisions(connection), revisions.lacks_functions(connection)
    changes = bool(missing or functions)
    backup = _back_up(engine, wanted.backup, wanted) if wanted.backup and changes else None
    lines = [f"applied {step}" for step in revisions.apply_revisions(connection)]
    if functions:
        lines.append("put the functions in place")
    return Upgraded(lines or ["The schema is current."], backup)


def _back_up(engine: Engine, file: Path, wanted: Upgrade) -> Path | None:
    if wanted.dry_run:
        return None
    refuse_existing(file)
    try:
        if not wanted.backup:
            wanted.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_backup(engine, file)
        if not wanted.backup:
            follow_owner(file, wanted.folder)
    except OSError as error:
        raise SetupError(f"The backup {file} can't be written: {error.strerror}. {UNCHANGED}") from error
    return file


def _takeover_failure(error: DBAPIError) -> str:
    state = getattr(error.orig, "sqlstate", None)
    if state in _IN_USE:
        return f"The old tables are in use: stop the earlier version first. {UNCHANGED}"
    sentence = sentence_of(error)
    if state in _DUPLICATES:
        sentence = f"Something of another program's is in the way: {str(error.orig).splitlines()[0]}"
    return f"{sentence.removesuffix('.')}. {UNCHANGED}"
