"""The measured clinic: a short line, a long line and the lanes, each with a counter of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg

from core.wire.session import PersonCredentials
from server.administration import people_and_devices
from server.checks.scratch_hub import scratch_database
from server.database.address import driver_url
from server.schema.engine import administration_engine
from tests.bench.filling import fill

SHORT, LONG = 10, 10_000
PAST = 100_000
CONNECTIONS = 8
LANES = tuple(f"W{lane}" for lane in range(CONNECTIONS))
"""A line for each connection of the throughput runs: they don't measure the wait for a line's lock."""
PERSON = PersonCredentials("bench", "only for the bench")

# As autovacuum and checkpoints leave a database that has run for hours.
_TIDY = ("VACUUM ANALYZE", "CHECKPOINT")


class Database:
    """Calls the SQL functions by the bare driver, on a connection of its own, as the bench's user."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(driver_url(url), autocommit=True)

    def call(self, function: str, *arguments: object) -> Any:
        """Calls an operation and returns its result."""
        statement = f"SELECT {function}('user:1', %s, ''{', %s' * len(arguments)})::text"
        row = self.connection.execute(statement.encode(), (str(uuid4()), *arguments)).fetchone()
        assert row is not None
        return json.loads(row[0])["result"]

    def ticket_at(self, service: str, place: int) -> str:
        """Returns the id of the ticket at a place of a line; places count from 1."""
        query = (
            "SELECT t.id::text FROM tickets t JOIN services s ON s.id = t.service_id "
            "WHERE s.code = %s AND t.status = 'waiting' AND t.position_in_queue = s.head + %s - 1"
        )
        row = self.connection.execute(query, (service, place)).fetchone()
        assert row is not None
        return str(row[0])

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close()


@contextmanager
def bench_database(server: str) -> Iterator[str]:
    """Yields the URL of a clinic with a short line S, a long line L with a long past, and the lanes."""
    with scratch_database(server) as url:
        engine = administration_engine(url)
        for number, code in enumerate(("S", "L", *LANES)):
            people_and_devices.add_service(engine, code, code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number])
            people_and_devices.add_counter(engine, f"R{code}", f"R{code}", [code])
        people_and_devices.add_counter(engine, "wire", "wire", ["L"])
        people_and_devices.add_user(engine, PERSON.username, "supervisor", PERSON.password)
        engine.dispose()
        with psycopg.connect(driver_url(url), autocommit=True) as connection:
            fill(connection, "S", waiting=SHORT)
            fill(connection, "L", waiting=LONG, past=PAST)
            for lane in LANES:
                fill(connection, lane, waiting=SHORT)
            for statement in _TIDY:
                connection.execute(statement)
        yield url
