"""What must agree after every operation: tables, model, a client's replica, and the promise about the order."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg

from core.line_store import Applied, LineStore
from core.tickets import QueueEvent
from tests.server.model_clinic import ModelClinic


def expect_tables(connection: psycopg.Connection[Any], model: ModelClinic) -> None:
    """Every ticket is where and what the model says, and every line in its order."""
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
    """A client that is sent nothing but the events holds the same lines."""
    for code, service in model.services.items():
        line = replica.line(code)
        row = connection.execute("SELECT events_after(%s, %s, 1000)::text", (code, line.revision)).fetchone()
        assert row is not None
        for event in msgspec.json.decode(row[0], type=list[QueueEvent]):
            assert replica.apply_event(event) is Applied.APPLIED
        assert [ticket.id for ticket in line.waiting] == service.line
        for status, held in (("consulting", line.consulting), ("parked", line.parked)):
            wanted = {t.id for t in model.tickets.values() if (t.service, t.status) == (code, status)}
            assert {ticket.id for ticket in held} == wanted
        assert line.open == (service.state == "open")


def expect_fairness(connection: psycopg.Connection[Any], model: ModelClinic) -> None:
    """Hand-placed tickets aside, nobody is overtaken by a non-high ticket issued more than the head start later."""
    query = """SELECT count(*) FROM tickets ahead JOIN services s ON s.id = ahead.service_id
        JOIN tickets behind ON behind.service_id = s.id AND behind.position_in_queue > ahead.position_in_queue
        WHERE s.code = ANY (%s) AND ahead.priority <> 'high' AND NOT ahead.placed_by_hand
        AND NOT behind.placed_by_hand AND ahead.joined_at > behind.joined_at + s.head_start"""
    assert connection.execute(query, ([*model.services],)).fetchone() == (0,)


def expect_history(connection: psycopg.Connection[Any], model: ModelClinic) -> None:
    """The chains are whole, nothing breaks a rule, and what everybody holds is what the model holds."""
    assert connection.execute("SELECT * FROM broken_links()").fetchall() == []
    assert connection.execute("SELECT * FROM integrity_violations()").fetchall() == []
    query = "SELECT code, state, held_by FROM counters WHERE code = ANY (%s)"
    rows = connection.execute(query, ([*model.counters],)).fetchall()
    assert {code: (state, held_by and f"user:{held_by}") for code, state, held_by in rows} == {
        c.code: (c.state, c.holder) for c in model.counters.values()
    }


def without_personal(ticket: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a repeated answer has in common with the first: notes are told as they are now, waits as they look now."""
    fresh = {"note", "patient_name", "needs", "parked_reason", "estimated_wait"}
    return ticket and {name: value for name, value in ticket.items() if name not in fresh}
