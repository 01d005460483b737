"""`inturn-hub check replay`: rebuilds every line from its events alone and compares it with the tables.

The events are streamed through the replica that windows use. The replica's line must then equal the tables' line, and
each ticket must equal the ticket in its last event, apart from personal data. Imported tickets need no special case:
their events have places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice, zip_longest

import msgspec
from sqlalchemy import Connection, Engine, text

from core.line.line_store import Applied, LineStore
from core.line.tickets import QueueEvent, Snapshot, Ticket
from server.checks.integrity import one_moment

PAGE = 2000
"""Events fetched at a time."""
FITTING = (Applied.APPLIED, Applied.INCOMPLETE)
"""Results of an event that fits: the lists of called and missed tickets are not compared, so they may be incomplete."""
FIRST = 20
"""Tickets of one service that are listed; further ones are only counted."""

_decode_event = msgspec.json.Decoder(QueueEvent).decode
_decode_snapshot = msgspec.json.Decoder(Snapshot).decode


def replay_differences(engine: Engine) -> Iterator[str]:
    """Differences between the events and the tables: first of lines, then of tickets; none for a sound database."""
    with one_moment(engine) as connection:
        for code in connection.execute(text("SELECT code FROM services ORDER BY id")).scalars().all():
            yield from (f"{code}: {difference}" for difference in _line_differences(connection, code))
        tickets = connection.execute(text("SELECT service, violation FROM ticket_differences()"))
        for code, rows in groupby(tickets, key=lambda row: row.service):
            yield from (f"{code}: {row.violation}" for row in islice(rows, FIRST))
            if left := sum(1 for _ in rows):
                yield f"{code}: … and {left} more"


def _line_differences(connection: Connection, code: str) -> Iterator[str]:
    query = text("SELECT queue_snapshot(:code)::text")
    stored = _decode_snapshot(connection.execute(query, {"code": code}).scalar_one())
    store = LineStore()
    store.apply_snapshot(
        Snapshot(service=code, epoch=stored.epoch, revision=0, open=stored.open, as_of=stored.as_of)
    )
    if misfit := _replay(connection, code, store):
        yield misfit
        return
    line = store.line(code)
    if line.revision != stored.revision:
        yield f"its history ends at event {line.revision}, but its revision is {stored.revision}"
    for place, (replayed, tabled) in enumerate(zip_longest(line.waiting, stored.waiting), start=1):
        if _id(replayed) != _id(tabled):
            yield f"place {place} is {_owner(tabled)}, but {_owner(replayed)} by its history"
            break
    for what, by_history, by_table in (
        ("being served", line.consulting, stored.consulting),
        ("parked", line.parked, stored.parked),
    ):
        yield from _missing(f"{what}, but not by its history", by_table, by_history)
        yield from _missing(f"{what} by its history, but not in the table", by_history, by_table)


def _replay(connection: Connection, code: str, store: LineStore) -> str | None:
    """Applies a line's events to the replica, oldest first. Returns the fault of the first that does not fit."""
    # Without a join, PostgreSQL streams the events in index order; with one, it sorts all of them first.
    number = connection.execute(
        text("SELECT id FROM services WHERE code = :code"), {"code": code}
    ).scalar_one()
    query = text(
        "SELECT e.revision, event_message(:code, e, '{}')::text FROM queue_events e "
        "WHERE e.service_id = :service ORDER BY e.revision"
    )
    streaming = {"stream_results": True, "yield_per": PAGE}
    values = {"code": code, "service": number}
    with connection.execute(query, values, execution_options=streaming) as events:
        for revision, message in events:
            try:
                event = _decode_event(message)
            except msgspec.ValidationError:
                return f"event {revision} shows a ticket that can't be"
            if store.apply_event(event) not in FITTING:
                return f"event {revision} ({event.kind}) does not fit the line that the events before it make"
    return None


def _missing(what: str, tickets: Iterable[Ticket], others: Iterable[Ticket]) -> Iterator[str]:
    known = {ticket.id for ticket in others}
    yield from (f"{ticket.number} is {what}" for ticket in tickets if ticket.id not in known)


def _id(ticket: Ticket | None) -> str | None:
    return ticket.id if ticket is not None else None


def _owner(ticket: Ticket | None) -> str:
    return f"{ticket.number}'s" if ticket is not None else "empty"
