"""Checks that tables, model and a client's replica agree after every operation, and that the order is fair."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg

from core.line.line_store import LineStore
from core.line.tickets import QueueEvent, Snapshot
from server.checks.replay import FITTING
from tests.support.model_clinic import ModelClinic


def expect_tables(connection: psycopg.Connection[Any], model: ModelClinic) -> None:
    """Asserts that every ticket's state and every line's order equal the model's."""
    query = """SELECT t.id::text, s.code, t.status, t.priority, c.code, t.calls, t.position_in_queue - s.head + 1
        FROM tickets t JOIN services s ON s.id = t.service_id LEFT JOIN counters c ON c.id = t.counter_id
        WHERE s.code = ANY (%s) ORDER BY t.position_in_queue"""
    rows = connection.execute(query, ([*model.services],)).fetchall()
    assert {row[0]: row[1:6] for row in rows} == {
        t.id: (t.service, t.status, t.priority, t.counter, t.calls) for t in model.tickets.values()
    }
    for code, service in model.services.items():
        line = [(row[0], row[6]) for row in rows if row[1] == code and row[2] == "waiting"]
        assert line == [(ticket, place) for place, ticket in enumerate(service.line, start=1)]


def expect_replica(connection: psycopg.Connection[Any], model: ModelClinic, replica: LineStore) -> None:
    """Asserts that a replica fed with only the events holds the same lines."""
    for code, service in model.services.items():
        line = replica.line(code)
        row = connection.execute("SELECT events_after(%s, %s, 1000)::text", (code, line.revision)).fetchone()
        assert row is not None
        for event in msgspec.json.decode(row[0], type=list[QueueEvent]):
            assert replica.apply_event(event) in FITTING
        assert [ticket.id for ticket in line.waiting] == service.line
        for status, held in (("consulting", line.consulting), ("parked", line.parked)):
            wanted = {t.id for t in model.tickets.values() if (t.service, t.status) == (code, status)}
            assert {ticket.id for ticket in held} == wanted
        assert line.open == (service.state == "open")
        expect_latest(connection, replica, code)


def expect_latest(connection: psycopg.Connection[Any], replica: LineStore, code: str) -> None:
    """Asserts that the replica holds the same recent and missed tickets, or is marked incomplete and takes a snapshot."""
    row = connection.execute("SELECT queue_snapshot(%s)::text", (code,)).fetchone()
    assert row is not None
    stored, line = msgspec.json.decode(row[0], type=Snapshot), replica.line(code)
    if line.incomplete:
        assert replica.apply_snapshot(stored)
    for held, wanted in ((line.recent, stored.recent), (line.missed, stored.missed)):
        assert [ticket.id for ticket in held] == [ticket.id for ticket in wanted]


def expect_fairness(connection: psycopg.Connection[Any], model: ModelClinic) -> None:
    """Asserts that no ticket but a high or a hand-placed one overtakes one issued more than the head start earlier."""
    for code, service in model.services.items():
        query = """SELECT priority, joined_at FROM tickets WHERE status = 'waiting' AND NOT placed_by_hand
            AND service_id = (SELECT id FROM services WHERE code = %s) ORDER BY position_in_queue"""
        latest = None
        for priority, joined_at in connection.execute(query, (code,)):
            if latest is not None and service.head_start is not None:
                assert latest <= joined_at + service.head_start
            if priority != "high":
                latest = max(joined_at, latest or joined_at)


def expect_counters(connection: psycopg.Connection[Any], model: ModelClinic) -> None:
    """Asserts that every counter has the state and the holder of the model."""
    query = "SELECT code, state, held_by FROM counters WHERE code = ANY (%s)"
    rows = connection.execute(query, ([*model.counters],)).fetchall()
    assert {code: (state, held_by and f"user:{held_by}") for code, state, held_by in rows} == {
        c.code: (c.state, c.holder) for c in model.counters.values()
    }


def expect_history(connection: psycopg.Connection[Any]) -> None:
    """Asserts that the chains of all lines are whole and that no rule is broken."""
    assert connection.execute("SELECT * FROM broken_links()").fetchall() == []
    assert connection.execute("SELECT * FROM integrity_violations()").fetchall() == []


def without_personal(ticket: dict[str, Any] | None) -> dict[str, Any] | None:
    """The members of a ticket that a repeated answer repeats: notes and waits are those of the moment."""
    fresh = {"note", "patient_name", "needs", "parked_reason", "estimated_wait", "ahead"}
    return ticket and {name: value for name, value in ticket.items() if name not in fresh}
