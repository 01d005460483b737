"""The private PostgreSQL server that InTurn creates, starts, adopts and stops.

    root/data/          the cluster
    root/run/           its socket, 0700; if that path is too long, a hashed folder in the temporary folder
    root/lock           held by a process while it starts or adopts the server
    root/server.lock    inherited and so held by every process of the server: free when all have ended
    root/postgres.log   the server's log; above 10 MB it becomes postgres.log.1 at the next start

The process that starts the server owns it; processes that start later adopt it. The server ends with its owner.
If the owner is killed, the server shuts down in the fast mode. An adopter whose connections fail calls `start()`
again and, if the server has ended, becomes the owner.

On macOS and Windows a killed owner leaves its server running, and the next start adopts it. Windows has no private
socket folder: every account of the computer could connect.

PostgreSQL refuses to run as root. For a hub that is root, `accounts` chooses another account, `programs` copies
the programs to a folder where that account can run them, and `placement` keeps the cluster where the account can
reach it: `root/data` is then a link.

In `server.postgres`, `binaries` finds the programs, `process` runs them, `cluster` creates and starts a cluster with
them, and `files` reads the files that they write. This module decides which process starts the server, and when.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from urllib.parse import quote

import psycopg

from server.postgres.binaries import PostgresBinaries
from server.postgres.cluster import SUPERUSER, Cluster, Deadline
from server.postgres.errors import EmbeddedPostgresError, SocketTaken
from server.postgres.files import RunningServer, postgres_runs_in
from server.postgres.process import interrupt, quit_at_once

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

DATABASE = "inturn"
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


class EmbeddedPostgres:
    """One private cluster under `root`; a context manager that starts and stops it.

    All methods block (the first start takes about 0.5 s): a coroutine calls them in a thread. They may be called
    from any thread, and in several processes for the same root.

    Attributes:
        root: absolute, without symbolic links.
        log: the server's log file.
        adopted: whether another process owns the running server; False if none runs.
    """

    def __init__(
        self,
        root: Path,
        *,
        options: Mapping[str, str] = NO_OPTIONS,
        binaries: PostgresBinaries | None = None,
        start_timeout: float = 120.0,
        stop_timeout: float = 15.0,
    ) -> None:
        """Stores the settings; `start()` is the first to touch the file system.

        Args:
            options: settings for a server that this process starts, e.g. {"fsync": "off"} in tests.
            binaries: the programs to run; None searches for them at the first start.
            start_timeout: seconds, including a recovery after a power cut.
            stop_timeout: seconds for the fast and for the immediate shutdown each, before the server is killed.
        """
        self._cluster = Cluster(root, options, binaries)
        self.root = self._cluster.root
        self.log = self._cluster.log
        self.adopted = False
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._started = False
        self._guard = threading.RLock()

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start or adopt the server unless it runs, and return its SQLAlchemy URL. May be called again at any time.

        The URL names the database `inturn`, which is created if it is missing.

        Raises:
            EmbeddedPostgresError: str() says in one sentence what happened and what to do.
        """
        with self._guard, self._cluster.plain_errors():
            running = self._cluster.find_running() if self._started else None
            if running is None:
                running = self._start()
            if self._process and self._process.pid != running.pid:
                self._process = None
            self._started, self.adopted = True, self._process is None
            return _url(running)

    def stop(self) -> None:
        """Stop the server if this process owns it, with all committed work on disk. An adopted server keeps running."""
        with self._guard:
            process, self._process = self._process, None
            self._started = self.adopted = False
            if process is None or process.poll() is not None:
                return
            pg_ctl = self._cluster.binaries().program("pg_ctl")
            # A fast shutdown of PostgreSQL 18 may never end if it begins during the recovery from a killed backend.
            for shut_down in (interrupt, quit_at_once):
                shut_down(process, pg_ctl, self._cluster.data)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(self._stop_timeout)
                    break
            else:
                process.kill()
                process.wait()
            self._cluster.remove_socket_directory()

    def _start(self) -> RunningServer:
        deadline = Deadline(self._start_timeout, self.log)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock_for_starting(deadline):
            return self._adopt_or_launch(deadline)

    @contextmanager
    def _lock_for_starting(self, deadline: Deadline) -> Iterator[None]:
        with self._cluster.open_lock("lock") as lock:
            while not lock.try_acquire():
                deadline.pause()
            yield

    def _adopt_or_launch(self, deadline: Deadline) -> RunningServer:
        while True:
            running = self._cluster.find_running()
            if running and _ensure_database(running):
                return running
            with self._cluster.open_lock("server.lock") as server_lock:
                locked = server_lock.try_acquire()
                foreign = locked and postgres_runs_in(self._cluster.data)
                if locked and not foreign:
                    self._cluster.make_if_missing(server_lock, deadline)
                    self._process = self._cluster.spawn_server(server_lock)
                    self._cluster.await_ready(self._process, deadline)
            deadline.pause(SocketTaken(self._cluster.data) if foreign else None)


def _url(running: RunningServer) -> str:
    # Without a port libpq would take that of the environment variable PGPORT.
    host = quote(str(running.socket_dir), safe="/")
    return f"postgresql+psycopg://{SUPERUSER}@/{DATABASE}?host={host}&port={running.port}"


def _connect(running: RunningServer) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(running.socket_dir),
        port=running.port,
        user=SUPERUSER,
        dbname="postgres",
        autocommit=True,
        connect_timeout=10,
    )


def _ensure_database(running: RunningServer) -> bool:
    """Create the database if it is missing. Returns False if the server rejects connections, e.g. while it stops."""
    try:
        with _connect(running) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.OperationalError:
        return False
    return True
