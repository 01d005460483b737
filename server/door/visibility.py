"""Who sees what. A value for a public device is made of types that have no room for a name, a note or a need."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from core.line.tickets import CounterSummary, PublicTicket, QueueEvent, Snapshot, Ticket
from core.roles import STAFF

View = Literal["public", "staff"]
VIEWS: tuple[View, ...] = ("public", "staff")

_LISTS = ("waiting", "consulting", "parked", "recent", "missed")


def view_of(role: str) -> View:
    """The view that a role gets: a role that is not known to be staff sees what a public device sees."""
    return "staff" if role in STAFF else "public"


def ticket_view(ticket: Ticket, view: View) -> Any:
    """A ticket for `view`: a `Ticket` for staff, else a `PublicTicket`."""
    if view == "staff":
        return ticket
    return msgspec.convert(ticket, PublicTicket, from_attributes=True)


def event_view(event: QueueEvent, view: View) -> Any:
    """An event as it is pushed to `view`."""
    return event if view == "staff" else _with(event, ticket=event.ticket and ticket_view(event.ticket, view))


def snapshot_view(snapshot: Snapshot, view: View) -> Any:
    """A snapshot as it is sent to `view`."""
    if view == "staff":
        return snapshot
    lists = {name: [ticket_view(t, view) for t in getattr(snapshot, name)] for name in _LISTS}
    return _with(snapshot, **lists)


def counter_view(counter: CounterSummary, view: View) -> Any:
    """A counter for `view`; a public device is not told who works there."""
    if view == "staff":
        return counter
    return _with(counter, ticket=counter.ticket and ticket_view(counter.ticket, view), held_by=None)


def _with(value: msgspec.Struct, **changed: Any) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    return fields | changed
