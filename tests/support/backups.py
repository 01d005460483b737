"""Restores as the command does, and dumps that a test has prepared."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine

from server.backups.contents import inspect_backup
from server.backups.credentials import reactivated, withheld
from server.backups.present import look_at
from server.backups.restore import Restored, Wanted, restore
from server.checks.database_health import schema_findings
from server.checks.integrity import broken_links, integrity_violations
from server.checks.replay import replay_differences
from server.checks.schema_objects import (
    constraint_findings,
    function_findings,
    index_findings,
    role_findings,
    trigger_findings,
)
from server.database.address import program_arguments
from server.postgres.client_programs import ClientPrograms, newest_programs


def restore_file(engine: Engine, file: Path, *, reactivate: Iterable[str] = ()) -> Restored:
    """Inspects and restores a file; what is replaced is kept in a folder beside it."""
    contents = inspect_backup(file)
    with engine.connect() as connection:
        found = withheld(contents.credentials(), look_at(connection).credentials)
    usernames, codes = reactivated(found, reactivate)
    return restore(engine, Wanted(contents, "test", file.parent, usernames, codes))


def what_is_wrong(engine: Engine) -> list[str]:
    """All that the checks of schema, lines, history and replay find."""
    checks = (
        constraint_findings,
        index_findings,
        trigger_findings,
        function_findings,
        role_findings,
        schema_findings,
    )
    with engine.connect() as connection:
        found = [finding.text for check in checks for finding in check(connection)]
    return [*found, *integrity_violations(engine), *broken_links(engine), *replay_differences(engine)]


def kept_in(file: Path) -> Path:
    """The folder for what a restore of this file replaces."""
    return file.parent / "backups"


def dump(url: str, file: Path, *options: str, programs: ClientPrograms | None = None) -> Path:
    """Writes a dump with pg_dump itself, as any program can."""
    address, secrets = program_arguments(url)
    command = [(programs or newest_programs()).program("pg_dump"), f"--dbname={address}", *options]
    subprocess.run([*command, f"--file={file}"], check=True, env={**os.environ, **secrets})
    return file
