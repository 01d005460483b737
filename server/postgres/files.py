"""What lies in and around a cluster's folder: the pid file, the socket's folder, the log."""

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
"""Only part of the socket's name: the socket's folder is private, and there is no TCP."""
SOCKET_NAME = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 103
"""Bytes: `sun_path` takes 107 on Linux, 103 on macOS."""
LONGEST_LOG = 10_000_000
ROOM_FOR_A_MESSAGE = 1_000_000
"""Bytes."""
READY_LINE = 8
"""Of postmaster.pid; the lines are described in PostgreSQL's `miscadmin.h`."""


@dataclass(frozen=True)
class RunningServer:
    """What a server says about itself in postmaster.pid; it may be long gone."""

    pid: int
    data: Path
    port: int
    socket_dir: Path
    ready: bool

    def accepts(self) -> bool:
        """Whether somebody listens on its socket. True where Python can't ask (Windows)."""
        return accepts_connections(self.socket_dir / f".s.PGSQL.{self.port}")


def read_pid_file(data: Path) -> RunningServer | None:
    """The server that wrote postmaster.pid, None when there is none or it is still being written."""
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
    """Whether a unix socket has a listener. True where Python has no unix sockets."""
    if not hasattr(socket, "AF_UNIX"):
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(5)
        try:
            knock.connect(os.fspath(path))
        except OSError:
            return False
    return True


def data_major(data: Path) -> int | None:
    """The major version that made the cluster, None when there is no cluster."""
    try:
        return int((data / "PG_VERSION").read_text())
    except (FileNotFoundError, ValueError):
        return None


def postgres_runs_in(data: Path) -> bool | None:
    """Whether any PostgreSQL process works in this folder (each of them enters it); None: can't be known."""
    try:
        wanted = data.stat()
        processes = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    except OSError:
        return None
    return any(_works_in(process, data, wanted) for process in processes) if processes else None


def _works_in(process: Path, data: Path, wanted: os.stat_result) -> bool:
    # By name as well: a shell that somebody left in the folder must not keep the hub from starting.
    with suppress(OSError):
        if (process / "comm").read_text().startswith(("postgres", "postmaster")):
            try:
                return os.path.samestat((process / "cwd").stat(), wanted)
            except PermissionError:
                return _its_owner_says_so(process, data)
    return False


def _its_owner_says_so(process: Path, data: Path) -> bool:
    """As `_works_in`, for root in a container: without CAP_SYS_PTRACE only a process's own account may look."""
    if os.geteuid() != 0:
        return False
    owner = process.stat()
    account = Account(user=owner.st_uid, group=owner.st_gid)
    return account.can_run("test", f"{process}/cwd", "-ef", str(data.resolve()))


def clear_stale_files(data: Path, socket_dir: Path) -> None:
    """Remove what a killed server left. PostgreSQL refuses to start when its old pid is in use again.

    Only for callers who hold the cluster's lock.

    Raises:
        SocketTaken: somebody lives on the socket.
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
    """`root`/run, or a short folder under the temporary one when that path does not do for a socket.

    PostgreSQL and libpq split lists of folders at commas, connection strings split ports off at colons.
    """
    natural = root / "run"
    if _fits(natural):
        return natural
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    name = f"inturn-{user}-{digest}"
    usual = Path(tempfile.gettempdir()).resolve() / name
    return usual if _fits(usual) else Path("/tmp") / name


def _fits(folder: Path) -> bool:
    path = os.fsencode(folder / SOCKET_NAME)
    return len(path) <= LONGEST_SOCKET_PATH and not re.search(rb"[,:\n]", path)


def make_private(folder: Path, root: Path) -> None:
    """Make a folder that only the owner of `root` can enter, or make sure that it is one.

    Raises:
        NotWritable: somebody else made it before us.
        OSError: it can't be made.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    follow_owner(folder, root)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != root.stat().st_uid:
        raise NotWritable(folder, "it belongs to somebody else")
    folder.chmod(0o700)


def follow_owner(path: Path, root: Path) -> None:
    """When we are root: what we make for the owner of `root` is theirs, so that they can use it after us."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        owner, found = root.stat(), path.lstat()
        if found.st_uid == 0 and owner.st_uid != 0:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def rotate_log(log: Path) -> None:
    """Keep at most two logs of `LONGEST_LOG` bytes or so."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > LONGEST_LOG:
            log.replace(log.with_name(f"{log.name}.1"))


def explain_failure(log: Path, start: int, root: Path) -> EmbeddedPostgresError:
    """The error that the log's text from byte `start` on tells of."""
    with log.open("rb") as file:
        file.seek(start)
        said = file.read(100_000).decode(errors="replace")
    # A full disk takes no log either.
    full = shutil.disk_usage(root).free < ROOM_FOR_A_MESSAGE
    if full or "No space left on device" in said or "Disk quota exceeded" in said:
        return NotEnoughDiskSpace(root)
    if re.search(r'lock file "[^"]*" already exists|is already in use|Address already in use', said):
        return SocketTaken(root)
    if "Permission denied" in said:
        return NotWritable(root, "permission denied")
    if "wrong ownership" in said:
        return NotWritable(root, "its files belong to another user")
    last = re.findall(r"(?:FATAL|PANIC|error): +(.+)", said)
    return StartFailed(log, last[-1] if last else "")
