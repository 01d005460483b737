"""Two private clusters: a primary and a standby that follows it until its promotion."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg

from server.postgres.cluster import SUPERUSER, Cluster
from server.postgres.embedded import DATABASE, EmbeddedPostgres
from server.postgres.file_lock import FileLock
from server.postgres.files import PORT, socket_directory
from tests.support.private_clusters import FAST, is_alive, query, server_of
from tests.support.waiting import WAIT_SECONDS, wait_until


class StandbyPair:
    """A running primary with a hot standby beside it.

    Attributes:
        url: of both hosts; a connection with it goes to the host that takes writes.
        primary_url, standby_url: of the single hosts.
    """

    def __init__(self, folder: Path, *, synchronous: bool) -> None:
        self._followed: object = ""
        self._primary = EmbeddedPostgres(folder / "primary", options=FAST)
        self.primary_url = self._primary.start()
        self._standby = _Standby(folder / "standby", {**FAST, "wal_retrieve_retry_interval": "100ms"})
        self._standby.copy(self._primary)
        self._standby.start()
        self.standby_url = _url(self._standby.root)
        self.url = _url(self._primary.root, self._standby.root)
        wait_until(lambda: self._replicas() == [("streaming",)], "the standby to stream")
        if synchronous:
            query(self.primary_url, "ALTER SYSTEM SET synchronous_standby_names = '*'")
            query(self.primary_url, "SELECT pg_reload_conf()")
            synced = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            wait_until(lambda: query(self.primary_url, synced) == [(1,)], "the standby to be synchronous")

    def close(self) -> None:
        """Stops both clusters."""
        self._standby.kill()
        self._primary.stop()

    def kill_primary(self) -> None:
        """Kills the primary by SIGKILL, as a power cut would."""
        pid = server_of(self._primary.root).pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid))

    def cut_off_standby(self) -> None:
        """Ends the replication to the standby."""
        [(self._followed,)] = query(self.standby_url, "SHOW primary_conninfo")
        query(self.standby_url, "ALTER SYSTEM SET primary_conninfo = ''")
        query(self.standby_url, "SELECT pg_reload_conf()")
        wait_until(lambda: self._replicas() == [], "the replication to end")

    def reconnect_standby(self) -> None:
        """Resumes the replication to the standby."""
        followed = str(self._followed).replace("'", "''")
        query(self.standby_url, f"ALTER SYSTEM SET primary_conninfo = '{followed}'")
        query(self.standby_url, "SELECT pg_reload_conf()")

    def promote_standby(self) -> None:
        """Promotes the standby, which then takes writes."""
        assert query(self.standby_url, "SELECT pg_promote()") == [(True,)]

    def _replicas(self) -> list[tuple[object, ...]]:
        return query(self.primary_url, "SELECT state FROM pg_stat_replication")


class _Standby:
    def __init__(self, root: Path, options: Mapping[str, str]) -> None:
        root.mkdir(mode=0o700)
        self._cluster = Cluster(root, options, None)
        self.root = self._cluster.root
        self._process: subprocess.Popen[bytes] | None = None

    def copy(self, primary: EmbeddedPostgres) -> None:
        """Copies the primary with `pg_basebackup`, which also writes the standby's configuration."""
        program = self._cluster.binaries().program("pg_basebackup")
        address = ["-h", str(socket_directory(primary.root)), "-p", str(PORT), "-U", SUPERUSER]
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        subprocess.run([program, *address, *options, "-D", str(self._cluster.data)], check=True)

    def start(self) -> None:
        with FileLock(self.root / "server.lock") as lock:
            self._process = self._cluster.spawn_server(lock)
        wait_until(self._answers, "the standby to answer")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(WAIT_SECONDS)
            self._cluster.remove_socket_directory()

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            return bool(query(_url(self.root), "SELECT pg_is_in_recovery()"))
        return False


def _url(*roots: Path) -> str:
    hosts = ",".join(quote(str(socket_directory(root)), safe="") for root in roots)
    ports = ",".join([str(PORT)] * len(roots))
    return f"postgresql://{SUPERUSER}@/{DATABASE}?host={hosts}&port={ports}"
