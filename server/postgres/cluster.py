"""One cluster on disk: initdb creates it, postgres runs it. The caller holds the locks that this needs."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import IO

from server.postgres.accounts import Account, choose_account
from server.postgres.binaries import PostgresBinaries, find_binaries
from server.postgres.errors import (
    DamagedCluster,
    EmbeddedPostgresError,
    NotEnoughDiskSpace,
    NotWritable,
    StartTimedOut,
    WrongMajor,
)
from server.postgres.file_lock import FileLock
from server.postgres.files import (
    PORT,
    RunningServer,
    clear_stale_files,
    data_major,
    explain_failure,
    follow_owner,
    make_private,
    read_pid_file,
    rotate_log,
    socket_directory,
)
from server.postgres.placement import finish_move, home_of, make_reachable
from server.postgres.process import spawn
from server.postgres.programs import programs_for

log = logging.getLogger(__name__)

SUPERUSER = "inturn"
DISK_SPACE_FOR_A_CLUSTER = 150_000_000
"""Bytes: 40 MB for a new cluster, the rest for its write-ahead log."""
POLL_INTERVAL = 0.01
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        # Statements and row contents may hold patients' names; the log must not.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
)


class Deadline:
    """Time limit of one start, whose steps wait only with `pause()`."""

    def __init__(self, seconds: float, log: Path) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._log = log

    def pause(self, reason: EmbeddedPostgresError | None = None) -> None:
        """Wait for POLL_INTERVAL seconds. After the deadline raise `reason`, by default StartTimedOut."""
        if time.monotonic() > self._end:
            raise reason or StartTimedOut(self._seconds, self._log)
        threading.Event().wait(POLL_INTERVAL)


class Cluster:
    """The files of a cluster under `root`, and the programs that create and serve it.

    Attributes:
        root: absolute, without symbolic links.
        data: the data directory, or a link to it (`placement`); missing before the first start.
        log: file with the output of initdb and of the server.
    """

    def __init__(self, root: Path, options: Mapping[str, str], binaries: PostgresBinaries | None) -> None:
        self.root = root.expanduser().resolve()
        self.data = self.root / "data"
        self.log = self.root / "postgres.log"
        self._home = home_of(self.root)
        self._account = Account()
        self._options = options
        self._binaries = binaries
        self._log_start = 0

    def binaries(self) -> PostgresBinaries:
        """The programs that fit the data, cached after the first search. Raises NoBinaries or WrongMajor."""
        major = data_major(self.data)
        if self._binaries is None:
            self._binaries = find_binaries(major)
        if major not in (None, self._binaries.major):
            found = f"version {self._binaries.version} in {self._binaries.bin_dir}"
            raise WrongMajor(major, found)
        return self._binaries

    def find_running(self) -> RunningServer | None:
        """The server of this data directory; None unless it is ready and accepts connections."""
        running = read_pid_file(self.data)
        # A copied data directory contains the pid file of the original's server: compare the folders.
        with suppress(OSError):
            if running and running.ready and running.data.samefile(self.data) and running.accepts():
                return running
        return None

    def open_lock(self, name: str) -> FileLock:
        """Open a lock file in `root`, without acquiring the lock."""
        path = self.root / name
        lock = FileLock(path)
        follow_owner(path, self.root)
        return lock

    def make_if_missing(self, server_lock: FileLock, deadline: Deadline) -> None:
        """Run initdb unless a cluster exists: in `data.new`, renamed at the end, so that `data` is never incomplete."""
        finish_move(self.root)
        if data_major(self.data) is not None:
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise DamagedCluster(self.data)
        self._choose_account()
        if shutil.disk_usage(self._home).free < DISK_SPACE_FOR_A_CLUSTER:
            raise NotEnoughDiskSpace(self._home)
        self._remove_half_made()
        self._run_initdb(server_lock, deadline)
        with suppress(FileNotFoundError):
            (self._home / "data").rmdir()
        self._new_data.rename(self._home / "data")
        _sync_folder(self._home)

    def spawn_server(self, server_lock: FileLock) -> subprocess.Popen[bytes]:
        """Start `postgres` without waiting until it is ready."""
        self._choose_account()
        if self._home != self.root:
            message = "PostgreSQL runs as user %s, which can't enter %s: its database is in %s"
            log.info(message, self._account.user, self.root, self._home)
        sockets = socket_directory(self._home)
        make_private(sockets, self._home)
        clear_stale_files(self.data, sockets)
        settings = {**SETTINGS, "unix_socket_directories": str(sockets), **self._options}
        argv = ["postgres", "-D", str(self._home / "data")]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return self._spawn(argv, server_lock)

    def await_ready(self, process: subprocess.Popen[bytes], deadline: Deadline) -> None:
        """Wait until the spawned server is ready. Raises the error that its log names if the server ends."""
        while not ((running := read_pid_file(self.data)) and running.pid == process.pid and running.ready):
            if process.poll() is not None:
                raise self._failure()
            deadline.pause()

    def remove_socket_directory(self) -> None:
        """Remove the socket's folder if it is below the temporary folder."""
        sockets = socket_directory(self._home)
        if sockets.parent != self._home:
            with suppress(OSError):
                sockets.rmdir()

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Turn OSError into NotEnoughDiskSpace or NotWritable."""
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NotEnoughDiskSpace(self.root) from error
            raise NotWritable(self.root, (error.strerror or type(error).__name__).lower()) from error

    @property
    def _new_data(self) -> Path:
        return self._home / "data.new"

    def _choose_account(self) -> None:
        """Choose the account for the programs and move the cluster where it can reach it. The caller holds the locks."""
        self._account = choose_account(home_of(self.root))
        self._home = make_reachable(self.root, self._account)

    def _run_initdb(self, server_lock: FileLock, deadline: Deadline) -> None:
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        # Text sorts the same on every computer. macOS lacks the locale C.UTF-8.
        older = ["--locale=C" if sys.platform == "darwin" else "--locale=C.UTF-8"]
        argv = ["initdb", "-D", str(self._new_data), "-U", SUPERUSER, "-E", "UTF8", "--data-checksums"]
        argv += ["--auth-local=trust", "--auth-host=reject", "--no-instructions"]
        argv += builtin if self.binaries().major >= 17 else older
        argv += ["--no-sync"] if self._options.get("fsync") == "off" else []
        process = self._spawn(argv, server_lock)
        try:
            while process.poll() is None:
                deadline.pause()
        finally:
            process.kill()
        if process.returncode:
            failure = self._failure()
            self._remove_half_made()
            raise failure

    def _spawn(self, argv: list[str], server_lock: FileLock) -> subprocess.Popen[bytes]:
        program = programs_for(self._account, self.binaries()).program(argv[0])
        with self._open_log() as log:
            self._log_start = log.seek(0, os.SEEK_END)
            command = [program, *argv[1:]]
            return spawn(command, account=self._account, log=log, inherited_fd=server_lock.fileno())

    def _open_log(self) -> IO[bytes]:
        rotate_log(self.log)
        fd = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        follow_owner(self.log, self.root)
        return os.fdopen(fd, "ab")

    def _failure(self) -> EmbeddedPostgresError:
        return explain_failure(self.log, self._log_start, self.root)

    def _remove_half_made(self) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._new_data)


def _sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable."""
    if sys.platform != "win32":
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
