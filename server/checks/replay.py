"""`inturn-hub check replay`: every line is built again from its history alone, and compared with the tables.

The events go, one after the other and never all at once, through the replica that windows use. The line that it holds
in the end must be the tables' line, and each ticket must be as its last event shows it, personal data aside. Imported
tickets need no rule of their own: their events carry their places.
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
"""Events in memory at once."""
FITTING = (Applied.APPLIED, Applied.INCOMPLETE)
"""The lists of the last called and missed are not compared: an event that leaves them incomplete fits."""
FIRST = 20
"""Tickets of one service that are told; the others are counted."""

_decode_event = msgspec.json.Decoder(QueueEvent).decode
_decode_snapshot = msgspec.json.Decoder(Snapshot).decode


def replay_differences(engine: Engine) -> Iterator[str]:
    """What history and tables say differently: lines first, then tickets; nothing for a sound database."""
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
    kept = _decode_snapshot(connection.execute(query, {"code": code}).scalar_one())
    store = LineStore()
    store.apply_snapshot(
        Snapshot(service=code, epoch=kept.epoch, revision=0, open=kept.open, as_of=kept.as_of)
    )
    if misfit := _replay(connection, code, store):
        yield misfit
        return
    line = store.line(code)
    if line.revision != kept.revision:
        yield f"its history ends at event {line.revision}, but its revision is {kept.revision}"
    for place, (told, stands) in enumerate(zip_longest(line.waiting, kept.waiting), start=1):
        if _id(told) != _id(stands):
            yield f"place {place} is {_owner(stands)}, but {_owner(told)} by its history"
            break
    for what, by_history, by_table in (
        ("being served", line.consulting, kept.consulting),
        ("parked", line.parked, kept.parked),
    ):
        yield from _missing(f"{what}, but not by its history", by_table, by_history)
        yield from _missing(f"{what} by its history, but not in the table", by_history, by_table)


def _replay(connection: Connection, code: str, store: LineStore) -> str | None:
    """Feeds a line's events to the replica, oldest first; what is wrong with the first that does not fit."""
    # Without a join the events come in their index's order, at once; with one, all of them are sorted first.
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
    return f"{ticket.number}'s" if ticket is not None else "nobody's"
