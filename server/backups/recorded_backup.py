"""`inturn-hub db backup`: writes a backup, and the event `backed_up` into the database."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine, text

from server.backups.dump_file import sha256_of
from server.backups.present import heads_of, home_of
from server.schema.backup import Progress, write_backup

_RECORDS = """
    SELECT to_regprocedure('append_admin_event(text, text, text, jsonb)') IS NOT NULL
        AND to_regclass('settings') IS NOT NULL AND current_setting('transaction_read_only') = 'off'
"""


def back_up(engine: Engine, file: Path, actor: str, progress: Progress = lambda _: None) -> bool:
    """Writes a new file and records it with its hash; returns whether it was recorded.

    A standby and the earlier version's database can't record it. Raises SetupError, DBAPIError.
    """
    write_backup(engine, file, progress)
    sha256 = sha256_of(file)
    with engine.begin() as connection:
        recorded: bool = connection.execute(text(_RECORDS)).scalar_one()
        if recorded:
            _record(connection, actor, {"file": file.name, "sha256": sha256})
    return recorded


def _record(connection: Connection, actor: str, details: dict[str, object]) -> None:
    details["chains"] = heads_of(connection, home_of(connection))
    connection.execute(
        text("SELECT append_admin_event(:actor, 'backed_up', 'database', CAST(:details AS jsonb))"),
        {"actor": actor, "details": msgspec.json.encode(details).decode()},
    )
