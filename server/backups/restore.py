"""`inturn-hub db restore`: replaces the database's content by that of a backup.

`contents`        reads the file, before any database is opened
`present`         reads the database that is replaced
`credentials`     says which accounts and devices must not come back by themselves
`scratch_schema`  makes the tables, loads the rows as a role that can do nothing else, upgrades and checks them
`swap`            puts them in the place of the present ones
This module keeps what is replaced, and records the restore. All is one transaction: a failed restore changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, text

from core.errors import SetupError
from server.backups import present
from server.backups.contents import Contents
from server.backups.credentials import Withheld, withheld
from server.backups.present import Present
from server.backups.scratch_schema import ScratchSchema
from server.backups.swap import Swap
from server.postgres.files import follow_owner
from server.schema import hub_role, revisions
from server.schema.backup import Progress, write_backup
from server.schema.engine import wake_hubs
from server.schema.legacy.database import UNCHANGED

_NO_TIMEOUTS = """
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""
_NEW_EPOCH = """
    UPDATE settings SET epoch = gen_random_uuid(), cluster_identity = cluster_identity_now(),
        config_revision = greatest(config_revision, :revision) + 1
"""
_DISABLE = "UPDATE users SET disabled_at = clock_timestamp() WHERE username = ANY (:names)"
_REVOKE = "UPDATE devices SET revoked_at = clock_timestamp() WHERE code = ANY (:codes)"


@dataclass(frozen=True)
class Wanted:
    """A restore that a person confirmed.

    Attributes:
        data_dir: folder of the private database; None for a database given by URL.
        usernames, codes: accounts and devices that become active although they are not in the present database.
    """

    contents: Contents
    actor: str
    data_dir: Path | None
    usernames: Collection[str] = ()
    codes: Collection[str] = ()

    def keep_in(self) -> Path:
        """The folder for what is replaced: in the data directory, or beside the backup."""
        return self.data_dir / "backups" if self.data_dir else self.contents.dump.file.absolute().parent


@dataclass(frozen=True)
class Restored:
    """The report of a restore: `kept` is the file with what was replaced, None if nothing was."""

    kept: Path | None
    withheld: Withheld


def restore(engine: Engine, wanted: Wanted, progress: Progress = lambda _: None) -> Restored:
    """Replaces the database's content by the backup's, with a new epoch: every client gets a snapshot.

    Raises SetupError, DBAPIError.
    """
    with revisions.upgrade_transaction(engine) as connection:
        connection.execute(text(_NO_TIMEOUTS))
        seen = present.look_at(connection)
        ScratchSchema(connection, wanted.contents, progress).build()
        swap = Swap(connection, seen.home)
        swap.lock_present("EXCLUSIVE")  # against changes; pg_dump can still read
        before = present.look_again(connection, seen)
        with _kept(engine, before, wanted, progress) as kept:
            progress("putting the backup in place")
            swap.exchange()
            found = _record(connection, before, wanted)
            wanted.contents.dump.require_unchanged()
    return Restored(kept, found)


@contextmanager
def _kept(engine: Engine, before: Present, wanted: Wanted, progress: Progress) -> Iterator[Path | None]:
    """Keeps what is replaced in a new file, which is removed again if the block fails."""
    if before.clinic is None:
        yield None
        return
    folder = wanted.keep_in()
    file = folder / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.dump"
    progress("keeping what is replaced")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SetupError(f"The folder {folder} can't be made: {error.strerror}. {UNCHANGED}") from error
    write_backup(engine, file, progress)
    try:
        if wanted.data_dir:
            follow_owner(folder, wanted.data_dir)
            follow_owner(file, wanted.data_dir)
        yield file
    except BaseException:
        file.unlink()
        raise


def _record(connection: Connection, before: Present, wanted: Wanted) -> Withheld:
    """Withholds what is not in force, makes the new epoch and the event, and grants the privileges."""
    found = withheld(wanted.contents.credentials(), before.credentials)
    found = found.without(wanted.usernames, wanted.codes)
    connection.execute(text(_DISABLE), {"names": list(found.accounts)})
    connection.execute(text(_REVOKE), {"codes": list(found.devices)})
    connection.execute(text(_NEW_EPOCH), {"revision": before.config_revision})
    details: dict[str, Any] = {
        "file": wanted.contents.dump.file.name,
        "sha256": wanted.contents.dump.sha256,
        "made_at": wanted.contents.dump.made_at.isoformat(),
        "replaced": before.heads,
        "disabled": list(found.accounts),
        "revoked": list(found.devices),
        "reactivated": [*wanted.usernames, *wanted.codes],
    }
    connection.execute(
        text("SELECT append_admin_event(:actor, 'restored', 'database', CAST(:details AS jsonb))"),
        {"actor": wanted.actor, "details": msgspec.json.encode(details).decode()},
    )
    hub_role.set_up(connection)
    wake_hubs(connection)
    return found
