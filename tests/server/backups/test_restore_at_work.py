"""A restore while hubs work: each acknowledged change is in the new database or in the file with what was replaced."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from threading import Event

import psycopg

from server.backups.contents import inspect_backup
from server.database.address import driver_url
from server.schema.backup import write_backup
from tests.support.backups import restore_file, what_is_wrong
from tests.support.clinic import Clinic
from tests.support.waiting import wait_until

PEOPLE = 4
LIKE_A_HUB = "-c lock_timeout=3s -c statement_timeout=10s"
LOST = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.InternalError_,
    psycopg.ProgrammingError,
)
"""Errors of an operation whose tables are exchanged meanwhile: a hub reports them, and its client repeats."""


@dataclass
class Crowd:
    """People who join and read lines without a pause; `acknowledged` are the keys of the joins that were answered."""

    url: str
    acknowledged: list[str] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def work(self, person: int) -> None:
        """One person's operations until the end."""
        with psycopg.connect(self.url, autocommit=True, options=LIKE_A_HUB) as connection:
            while not self.over.is_set():
                key = token_hex(8)
                with suppress(*LOST):
                    connection.execute("SELECT join_queue(%s, %s, '', 'A')", (f"user:{person}", key))
                    self.acknowledged.append(key)
                    connection.execute("SELECT services_overview(), counters_overview()")


@contextmanager
def people_at_work(clinic: Clinic) -> Iterator[list[str]]:
    """Lets PEOPLE work in the `with` block; yields the acknowledged keys."""
    crowd = Crowd(driver_url(clinic.database_url))
    with ThreadPoolExecutor(PEOPLE) as pool:
        working = [pool.submit(crowd.work, person) for person in range(PEOPLE)]
        try:
            yield crowd.acknowledged
        finally:
            crowd.over.set()
        for person in working:
            person.result()


def keys_in(file: Path) -> set[str | None]:
    """The keys of the requests that a backup holds."""
    found = inspect_backup(file)
    with found.dump.read([found.dump.rows_of(found.schema)["requests"]]) as tables:
        return {row["key"] for table in tables for row in table.records()}


def test_no_acknowledged_change_is_lost(clinic: Clinic, tmp_path: Path) -> None:
    engine = clinic.engine()
    write_backup(engine, tmp_path / "b")
    with people_at_work(clinic) as acknowledged:
        wait_until(lambda: len(acknowledged) > 20, what="people to join")
        kept = restore_file(engine, tmp_path / "b").kept
        before = len(acknowledged)
        wait_until(lambda: len(acknowledged) > before + 20, what="people to join after the restore")
    assert kept is not None
    now = {key for (key,) in clinic.rows("SELECT key FROM requests")}
    assert set(acknowledged) <= now | keys_in(kept)
    assert now.isdisjoint(keys_in(kept))
    assert what_is_wrong(engine) == []
    engine.dispose()
