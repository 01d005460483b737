"""Whether the lines and their history are sound: every sentence that comes out of here is a violation.

Each check reads one moment of the database and locks nothing: a running hub neither waits nor causes a false alarm.
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
    """A connection on which every statement sees the database as it was at the first one."""
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with reading.connect() as connection:
        # A year's tickets are sorted in memory, by all processors (few rows come out of a check, whatever the planner
        # thinks); compiling the statements would take longer than running them.
        connection.execute(
            text("SET LOCAL work_mem = '256MB'; SET LOCAL parallel_tuple_cost = 0; SET LOCAL jit = off")
        )
        yield connection


def integrity_violations(engine: Engine) -> Iterator[str]:
    """What is wrong with places, ranks, numbers, states and revisions; nothing for a sound database."""
    with one_moment(engine) as connection:
        for service, violation in connection.execute(
            text("SELECT service, violation FROM integrity_violations()")
        ):
            yield f"{service}: {violation}"


def broken_links(engine: Engine) -> Iterator[str]:
    """The first event of each chain that was tampered with; nothing for a sound database."""
    with one_moment(engine) as connection:
        for chain, revision, fault in connection.execute(
            text("SELECT chain, revision, fault FROM broken_links()")
        ):
            yield f"{chain}: {_FAULTS[fault].format(revision)}"
