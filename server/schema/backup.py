"""`inturn-hub db backup` and `db restore`: the whole database into a file, and back.

A backup contains no privileges: a restore grants them again, also in a cluster that lacks `inturn_hub`.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from sqlalchemy import Engine, text

from core.errors import SetupError
from server.database.address import program_arguments
from server.postgres.binaries import PostgresBinaries, find_binaries
from server.postgres.errors import WrongMajor
from server.schema import hub_role
from server.schema.engine import wake_hubs

_RECORD = re.compile(r" TABLE \S+ installed_schema ")
"""Line in the list of a backup's contents: only backups of a released InTurn have this table."""
_UNCHANGED = "Nothing was changed."


def write_backup(engine: Engine, file: Path) -> None:
    """Dumps the database into `file` (PostgreSQL's custom format, mode 0600: it contains patients' names).

    Raises SetupError; a failed dump leaves no file.
    """
    unfinished = file.with_name(file.name + ".part")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600, exist_ok=False)
        _run(engine, "pg_dump", "--format=custom", "--no-privileges", f"--file={unfinished}")
        unfinished.replace(file)
    except OSError as error:
        raise SetupError(f"The backup {file} can't be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def restore_backup(engine: Engine, file: Path) -> None:
    """Replaces the database's content by a backup in one transaction, with a new epoch: every client gets a snapshot.

    Raises SetupError; a failed restore changes nothing.
    """
    if not file.is_file():
        raise SetupError(f"There is no backup {file}.")
    if not _RECORD.search(_run(engine, "pg_restore", "--list", str(file))):
        raise SetupError(
            f"The backup {file} was made by an unreleased InTurn, or by another program. {_UNCHANGED}"
        )
    replaced = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction")
    _run(engine, "pg_restore", *replaced, str(file))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE settings SET epoch = gen_random_uuid(), config_revision = config_revision + 1")
        )
        hub_role.set_up(connection)
        wake_hubs(connection)


def _run(engine: Engine, program: str, *arguments: str) -> str:
    """Runs one of PostgreSQL's programs on the database and returns what it printed. Raises SetupError."""
    address, secrets = program_arguments(engine.url.render_as_string(hide_password=False))
    command = [_programs_for(engine).program(program), f"--dbname={address}", *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **secrets},
    )
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise SetupError(f"{program} failed: {reason}")
    return done.stdout


def _programs_for(engine: Engine) -> PostgresBinaries:
    """Programs of the server's major version if installed: an older server can't read all that newer programs write."""
    with engine.connect() as connection:
        version = connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one()
    try:
        return find_binaries(version // 10000)
    except WrongMajor:
        return find_binaries(None)
