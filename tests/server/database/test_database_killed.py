"""PostgreSQL is killed during operations: acknowledged changes are there, repeated requests were done once, and every
constraint, revision, chain and key holds. The cluster is the test's own and writes to the disk before it answers.
With a hub before it: tests/faults.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine

from server.postgres.embedded import EmbeddedPostgres
from server.schema import revisions
from tests.support.hammer import Log, connected, hammer
from tests.support.private_clusters import is_alive, query, server_of
from tests.support.proof_size import proof_size
from tests.support.scene import Scene, furnish
from tests.support.verdict import find_faults
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.usefixtures("no_qt_garbage"),
]

PEOPLE = 8
KILLS = proof_size(3, 40)


class Clinic:
    """A cluster of its own with fsync on, two lines and four counters."""

    def __init__(self, root: Path) -> None:
        self.cluster = EmbeddedPostgres(root)
        self.url = self.cluster.start()
        self.engine: Engine = create_engine(self.url, pool_pre_ping=True)
        revisions.upgrade(self.engine)
        self.scene: Scene = furnish(self.engine, services=2, counters=4, users=PEOPLE)

    def kill(self, victim: str) -> None:
        """Kills the server or one of its processes, and waits until it serves again."""
        postmaster = server_of(self.cluster.root).pid
        with connected(self.url) as witness:
            if victim == "backend":
                os.kill(busy_backend(witness), signal.SIGKILL)
            else:
                os.kill(postmaster, SIGNALS[victim])
            wait_until(lambda: is_cut_off(witness))
        if victim != "backend":
            wait_until(lambda: not is_alive(postmaster))
            assert self.cluster.start() == self.url
        connected(self.url).close()


SIGNALS = {"postmaster": signal.SIGKILL, "immediate stop": signal.SIGQUIT}


def busy_backend(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    """The pid of another client's backend, preferably of an active one."""
    row = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
        "ORDER BY state = 'active' DESC, random() LIMIT 1"
    ).fetchone()
    assert row is not None, "no client is connected"
    return int(row[0])


def is_cut_off(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    try:
        connection.execute("SELECT")
    except psycopg.OperationalError:
        return True
    return False


@pytest.fixture
def clinic(cluster_data: Path, tmp_path: Path) -> Iterator[Clinic]:
    shutil.copytree(cluster_data, tmp_path / "root" / "data")
    clinic = Clinic(tmp_path / "root")
    yield clinic
    clinic.engine.dispose()
    clinic.cluster.stop()


def killings(clinic: Clinic, kills: int, done: Callable[[], list[int]]) -> None:
    """Kills each kind of process in turn, at random moments after every line has changed again."""
    random = Random(3)
    for number in range(kills):
        before = done()
        wait_until(partial(all_grew, done, before), what="every line to change again")
        Event().wait(random.uniform(0, 0.4))
        clinic.kill((*SIGNALS, "backend")[number % 3])


def all_grew(counts: Callable[[], list[int]], before: list[int]) -> bool:
    return all(now > then for now, then in zip(counts(), before, strict=True))


def test_a_killed_database_keeps_acknowledged_changes_and_does_repeated_requests_once(
    clinic: Clinic,
) -> None:
    assert query(clinic.url, "SELECT current_setting('fsync'), current_setting('synchronous_commit')") == [
        ("on", "on")
    ]
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(killings, clinic, KILLS, lambda: line_revisions(clinic))
        logs: list[Log] = []
        while not killing.done():
            logs += hammer(clinic.scene, presses=300, seed=len(logs))
        killing.result()
    assert find_faults(clinic.engine, logs) == {}
    assert sum(log.repeats for log in logs) >= PEOPLE


def line_revisions(clinic: Clinic) -> list[int]:
    found = query(clinic.url, "SELECT revision FROM services ORDER BY id")
    return [int(str(revision)) for (revision,) in found]
