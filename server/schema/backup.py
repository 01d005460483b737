"""Writes the whole database into a file, with pg_dump.

A backup contains no privileges: a restore grants them again, also in a cluster that lacks `inturn_hub`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import TypeAlias

from sqlalchemy import Engine, text

from core.errors import SetupError
from server.database.address import program_arguments
from server.postgres.client_programs import programs_to_dump

Progress: TypeAlias = Callable[[str], None]
"""Told what is done at the moment, in a few words."""
_OPTIONS = ("--format=custom", "--no-privileges", "--encoding=UTF8", "--verbose")
_STEP = "dumping contents of table "


def write_backup(engine: Engine, file: Path, progress: Progress = lambda _: None) -> None:
    """Dumps the database into a new `file` (PostgreSQL's custom format, mode 0600: it contains patients' names).

    Raises SetupError, also for a file that exists; a failed dump leaves no file.
    """
    refuse_existing(file)
    unfinished = file.with_name(f".{file.name}.{token_hex(4)}.part")
    try:
        unfinished.touch(mode=0o600, exist_ok=False)
        _dump(engine, unfinished, progress)
        refuse_existing(file)
        unfinished.rename(file)
    except OSError as error:
        raise SetupError(f"The backup {file} can't be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def refuse_existing(file: Path) -> None:
    """Raises SetupError if there is a file of this name: an older backup is never overwritten."""
    if os.path.lexists(file):
        raise SetupError(
            f"There is a file {file} already: give another name to the backup. Nothing was changed."
        )


def _dump(engine: Engine, file: Path, progress: Progress) -> None:
    """Runs pg_dump. Raises SetupError."""
    with engine.connect() as connection:
        version = connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one()
    address, secrets = program_arguments(engine.url.render_as_string(hide_password=False))
    command = [programs_to_dump(version // 10000).program("pg_dump"), f"--dbname={address}", *_OPTIONS]
    with subprocess.Popen(
        [*command, f"--file={file}"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # The file holds its time as local time, without a zone.
        env={**os.environ, **secrets, "TZ": "UTC", "LC_ALL": "C"},
    ) as process:
        assert process.stderr is not None
        reasons = [line for line in process.stderr if not _is_progress(line, progress)]
    if process.returncode:
        reason = next((line for line in reasons if "error:" in line), "no reason given")
        raise SetupError(f"pg_dump failed: {reason.rpartition('error: ')[2].strip()}")


def _is_progress(line: str, progress: Progress) -> bool:
    if _STEP in line:
        progress(f"saving {line.partition(_STEP)[2].strip().strip(chr(34))}")
    return _STEP in line
