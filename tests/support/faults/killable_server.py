"""A PostgreSQL server with fsync on that tests may kill, and a database for each trial."""

from __future__ import annotations

import os
import signal
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine, make_url

from server.postgres.embedded import EmbeddedPostgres
from server.schema import revisions
from tests.support.hammer import connected
from tests.support.private_clusters import is_alive, query, server_of
from tests.support.waiting import wait_until

WAYS = {"immediate stop": signal.SIGQUIT, "postmaster killed": signal.SIGKILL, "backend killed": None}
TERMINATE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_BUSY = (
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
    "ORDER BY state = 'active' DESC, random() LIMIT 1"
)


class KillableServer:
    """A private cluster with fsync on.

    Attributes:
        socket_file: its socket, for a proxy in front of it.
    """

    def __init__(self, root: Path) -> None:
        self._cluster = EmbeddedPostgres(root)
        self._url = self._cluster.start()
        self._numbers = count(1)
        engine = create_engine(self._url)
        revisions.upgrade(engine)
        engine.dispose()
        address = make_url(self._url)
        self.socket_file = Path(str(address.query["host"])) / f".s.PGSQL.{address.query['port']}"

    def new_database(self) -> str:
        """Creates a database with the schema and no rows; returns its URL."""
        self._cluster.start()
        name = f"trial_{next(self._numbers)}"
        query(self._named("postgres"), f"CREATE DATABASE {name} TEMPLATE inturn STRATEGY FILE_COPY")
        return self._named(name)

    def kill(self, way: str) -> None:
        """Kills the server or a backend, as `WAYS` names it; `start` starts the server again."""
        postmaster = server_of(self._cluster.root).pid
        end = WAYS[way]
        if end is not None:
            os.kill(postmaster, end)
            wait_until(lambda: not is_alive(postmaster), "the server's end")
            return
        with connected(self._url) as witness:
            busy = witness.execute(_BUSY).fetchone()
            if busy is not None:
                os.kill(int(busy[0]), signal.SIGKILL)
                wait_until(lambda: _is_cut_off(witness), "the server to end every connection")

    def start(self) -> None:
        """Starts the server; returns when it accepts connections."""
        self._cluster.start()
        connected(self._url).close()

    def terminate_clients(self) -> None:
        """Terminates every client's connection, as an administrator does; the server keeps running."""
        query(self._named("postgres"), TERMINATE)

    def is_durable(self) -> bool:
        """Whether a commit is on the disk before it is acknowledged."""
        settings = query(self._url, "SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        return settings == [("on", "on")]

    def stop(self) -> None:
        """Stops the server in order."""
        self._cluster.stop()

    def _named(self, name: str) -> str:
        return make_url(self._url).set(database=name).render_as_string(hide_password=False)


def through(url: str, port: int) -> str:
    """Returns the URL of the same database through a proxy on 127.0.0.1."""
    return make_url(url).set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)


def _is_cut_off(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    try:
        connection.execute("SELECT")
    except psycopg.OperationalError:
        return True
    return False
