"""Converts values to the view of their reader. The types for public devices have no member for a name, note or need."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from core.line.tickets import CounterSummary, PublicTicket, QueueEvent, Snapshot, Ticket
from core.roles import STAFF

View = Literal["public", "staff"]
VIEWS: tuple[View, ...] = ("public", "staff")

_LISTS = ("waiting", "consulting", "parked", "recent", "missed")


def view_of(role: str) -> View:
    """The view of a role; any role other than staff has the public view."""
    return "staff" if role in STAFF else "public"


def ticket_view(ticket: Ticket, view: View) -> Any:
    """A ticket for `view`: a `Ticket` for staff, else a `PublicTicket`."""
    if view == "staff":
        return ticket
    return msgspec.convert(ticket, PublicTicket, from_attributes=True)


def event_view(event: QueueEvent, view: View) -> Any:
    """An event for `view`."""
    return event if view == "staff" else _with(event, ticket=event.ticket and ticket_view(event.ticket, view))


def snapshot_view(snapshot: Snapshot, view: View) -> Any:
    """A snapshot for `view`."""
    if view == "staff":
        return snapshot
    lists = {name: [ticket_view(t, view) for t in getattr(snapshot, name)] for name in _LISTS}
    return _with(snapshot, **lists)


def counter_view(counter: CounterSummary, view: View) -> Any:
    """A counter for `view`; the public view does not have its holder."""
    if view == "staff":
        return counter
    return _with(
        counter, ticket=counter.ticket and ticket_view(counter.ticket, view), held_by=None, away=False
    )


def _with(value: msgspec.Struct, **changed: Any) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    return fields | changed
