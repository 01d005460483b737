"""The files of a cluster beside its data: the pid file, the socket's folder, the log."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.postgres.accounts import Account
from server.postgres.errors import (
    EmbeddedPostgresError,
    NotEnoughDiskSpace,
    NotWritable,
    SocketTaken,
    StartFailed,
)

PORT = 5432
"""Only part of the socket's name: the server listens on no TCP port."""
SOCKET_NAME = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 103
"""Bytes: `sun_path` holds 107 on Linux, 103 on macOS."""
LONGEST_LOG = 10_000_000
ROOM_FOR_A_MESSAGE = 1_000_000
"""Bytes: with less free space an error message may be missing from the log."""
READY_LINE = 8
"""Number of the line of postmaster.pid that holds the server's state (PostgreSQL's `miscadmin.h`)."""


@dataclass(frozen=True)
class RunningServer:
    """The contents of postmaster.pid; its server may have ended since."""

    pid: int
    data: Path
    port: int
    socket_dir: Path
    ready: bool

    def accepts(self) -> bool:
        """Whether the server listens on its socket. True where Python has no unix sockets (Windows)."""
        return accepts_connections(self.socket_dir / f".s.PGSQL.{self.port}")


def read_pid_file(data: Path) -> RunningServer | None:
    """The contents of postmaster.pid; None if the file is missing or not yet complete."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return RunningServer(
            pid=abs(int(lines[0])),
            data=Path(lines[1]),
            port=int(lines[3]),
            socket_dir=Path(lines[4]),
            ready=len(lines) >= READY_LINE and lines[READY_LINE - 1].strip() == "ready",
        )
    except (OSError, ValueError, IndexError):
        return None


def accepts_connections(path: Path) -> bool:
    """Whether a process listens on a unix socket. True where Python has no unix sockets."""
    if not hasattr(socket, "AF_UNIX"):
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        try:
            client.connect(os.fspath(path))
        except OSError:
            return False
    return True


def data_major(data: Path) -> int | None:
    """Major version of the PostgreSQL that created the cluster; None if there is no cluster."""
    try:
        return int((data / "PG_VERSION").read_text())
    except (FileNotFoundError, ValueError):
        return None


def postgres_runs_in(data: Path) -> bool | None:
    """Whether a PostgreSQL process has this folder as its working folder; None where /proc is missing."""
    try:
        wanted = data.stat()
        processes = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    except OSError:
        return None
    return any(_works_in(process, data, wanted) for process in processes) if processes else None


def _works_in(process: Path, data: Path, wanted: os.stat_result) -> bool:
    # Check the name too: a shell whose working folder this is must not keep the hub from starting.
    with suppress(OSError):
        if (process / "comm").read_text().startswith(("postgres", "postmaster")):
            try:
                return os.path.samestat((process / "cwd").stat(), wanted)
            except PermissionError:
                return _works_in_by_owner(process, data)
    return False


def _works_in_by_owner(process: Path, data: Path) -> bool:
    """Compares the folders as the process's own account: root without CAP_SYS_PTRACE, as in a container, may not."""
    if os.geteuid() != 0:
        return False
    owner = process.stat()
    account = Account(user=owner.st_uid, group=owner.st_gid)
    return account.can_run("test", f"{process}/cwd", "-ef", str(data.resolve()))


def clear_stale_files(data: Path, socket_dir: Path) -> None:
    """Remove the files of a killed server. PostgreSQL refuses to start if another process has the old pid by now.

    The caller holds the cluster's lock.

    Raises:
        SocketTaken: a process listens on the socket.
    """
    socket_path = socket_dir / SOCKET_NAME
    if hasattr(socket, "AF_UNIX") and accepts_connections(socket_path):
        raise SocketTaken(socket_path)
    for path in (socket_path, socket_path.with_name(f"{SOCKET_NAME}.lock")):
        path.unlink(missing_ok=True)
    pid_file = data / "postmaster.pid"
    if pid_file.exists() and postgres_runs_in(data) is False:
        pid_file.unlink()


def socket_directory(root: Path) -> Path:
    """`root`/run or, if that path can't hold a socket, a folder with a short path in the temporary folder.

    Commas and colons in a path are separators for PostgreSQL and libpq.
    """
    preferred = root / "run"
    if _fits(preferred):
        return preferred
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    name = f"inturn-{user}-{digest}"
    usual = Path(tempfile.gettempdir()).resolve() / name
    return usual if _fits(usual) else Path("/tmp") / name


def _fits(folder: Path) -> bool:
    path = os.fsencode(folder / SOCKET_NAME)
    return len(path) <= LONGEST_SOCKET_PATH and not re.search(rb"[,:\n]", path)


def make_private(folder: Path, root: Path) -> None:
    """Create a folder that only the owner of `root` can enter; an existing folder must be such a folder.

    Raises:
        NotWritable: the folder belongs to another account.
        OSError: the folder can't be created.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    follow_owner(folder, root)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != root.stat().st_uid:
        raise NotWritable(folder, "it belongs to another user")
    folder.chmod(0o700)


def follow_owner(path: Path, root: Path) -> None:
    """If this process is root, give `path` to the owner of `root`, so that a hub of that account can use it later."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        owner, found = root.stat(), path.lstat()
        if found.st_uid == 0 and owner.st_uid != 0:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def rotate_log(log: Path) -> None:
    """Rename a log longer than LONGEST_LOG bytes; the previous renamed log is replaced."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > LONGEST_LOG:
            log.replace(log.with_name(f"{log.name}.1"))


def explain_failure(log: Path, start: int, root: Path) -> EmbeddedPostgresError:
    """The error that matches the log's text from byte `start` on."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read(100_000).decode(errors="replace")
    # On a full disk the message is missing from the log too.
    full = shutil.disk_usage(root).free < ROOM_FOR_A_MESSAGE
    if full or "No space left on device" in text or "Disk quota exceeded" in text:
        return NotEnoughDiskSpace(root)
    if re.search(r'lock file "[^"]*" already exists|is already in use|Address already in use', text):
        return SocketTaken(root)
    if "Permission denied" in text:
        return NotWritable(root, "permission denied")
    if "wrong ownership" in text:
        return NotWritable(root, "its files belong to another user")
    last = re.findall(r"(?:FATAL|PANIC|error): +(.+)", text)
    return StartFailed(log, last[-1] if last else "")
