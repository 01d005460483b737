"""Checks the lines and their history; each sentence returned is a violation.

Each check reads one database snapshot and takes no lock: a running hub neither waits for it nor causes a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

_FAULTS = {
    "missing": "event {} is missing",
    "altered": "event {} is not as it was written",
    "added": "event {} was added behind the last one",
    "replaced": "event {}, the last, is not the one that was written",
}


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """A read-only connection whose statements all see the database as at its first statement."""
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with reading.connect() as connection:
        # Sort a year's tickets in memory and in parallel: the planner overestimates the few rows that a check returns.
        # JIT would take longer to compile the statements than to run them.
        connection.execute(
            text("SET LOCAL work_mem = '256MB'; SET LOCAL parallel_tuple_cost = 0; SET LOCAL jit = off")
        )
        yield connection


def integrity_violations(engine: Engine) -> Iterator[str]:
    """Faults of places, ranks, numbers, states and revisions; none for a sound database."""
    with one_moment(engine) as connection:
        for service, violation in connection.execute(
            text("SELECT service, violation FROM integrity_violations()")
        ):
            yield f"{service}: {violation}"


def broken_links(engine: Engine) -> Iterator[str]:
    """The first altered, added or missing event of each hash chain; none for a sound database."""
    with one_moment(engine) as connection:
        for chain, revision, fault in connection.execute(
            text("SELECT chain, revision, fault FROM broken_links()")
        ):
            yield f"{chain}: {_FAULTS[fault].format(revision)}"
