"""The data of a line, as it travels and as windows hold it: immutable values, times in UTC, waits in seconds.

`PublicTicket` has no member for a name, a note or a need, so what is encoded from it can't leak one;
`Ticket`, the staff view, adds them. A client always decodes `Ticket`: for a public device they stay empty.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone; on the wire ISO 8601 in UTC."""
Priority = Literal["high", "medium", "low"]
Place = Literal["arrival", "first", "last"]
"""Where a patient enters a line again: by their priority and time of arrival, before everybody, behind everybody."""
Status = Literal["waiting", "consulting", "parked", "completed", "no_show", "cancelled"]
ServiceState = Literal["open", "paused", "full", "closed"]
CounterState = Literal["open", "paused", "closed"]
EventKind = Literal[
    "joined",
    "called",
    "recalled",
    "completed",
    "no_show",
    "cancelled",
    "parked",
    "unparked",
    "transferred_out",
    "transferred_in",
    "reprioritised",
    "moved",
    "undone",
    "imported",
    "updated",
    "opened",
    "paused",
    "closed",
]


class WaitBracket(msgspec.Struct, frozen=True):
    """A likely wait, in seconds: about one wait in four is shorter than `low`, four in five shorter than `high`."""

    low: int
    high: int


class PublicTicket(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody in the waiting room may know of a ticket.

    Attributes:
        position: place in line, from 1, exactly while `status` is "waiting".
        counter: code of the counter that called it.
        rank_class, rank_time: what its line is sorted by; a neighbour's if `placed_by_hand`.
        calls: how often it was called.
        called_at: the latest call; `started_at` is the first.
    """

    id: str
    number: str
    service: str
    origin_service: str
    business_day: str
    priority: Priority
    status: Status
    position: int | None = None
    counter: str | None = None
    rank_class: int | None = None
    rank_time: Moment | None = None
    placed_by_hand: bool = False
    language: str | None = None
    calls: int = 0
    joined_at: Moment
    called_at: Moment | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    estimated_wait: WaitBracket | None = None


class Ticket(PublicTicket, frozen=True, kw_only=True):
    """The staff view: a `PublicTicket` and what is personal."""

    patient_name: str | None = None
    note: str | None = None
    needs: tuple[str, ...] = ()
    parked_reason: str | None = None


class QueueEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one service's line.

    Attributes:
        revision: counts the service's changes from 1 without a gap.
        ticket: as it is after the change; None for events of the service itself.
        from_position: the place in line that the ticket left, if it stood in it.
        waiting: how many wait after the change.
        reason: a word for why the system's own act happened, e.g. "day_closed"; None for a person's.
    """

    service: str
    revision: int
    kind: EventKind | str
    at: Moment
    ticket: Ticket | None = None
    from_position: int | None = None
    waiting: int = 0
    reason: str | None = None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A service's whole line at one revision (protocol.md, "Objects").

    Attributes:
        waiting: in order of their places; `more` says how many follow in later parts.
        recent: the last ten called, newest first. missed: today's no-shows, at most ten, newest first.
    """

    service: str
    epoch: str
    revision: int
    open: bool
    waiting: tuple[Ticket, ...] = ()
    consulting: tuple[Ticket, ...] = ()
    parked: tuple[Ticket, ...] = ()
    recent: tuple[Ticket, ...] = ()
    missed: tuple[Ticket, ...] = ()
    estimated_wait: WaitBracket | None = None
    as_of: Moment
    stale: bool = False
    more: int = 0


class WhyNext(msgspec.Struct, frozen=True, kw_only=True):
    """Why a ticket was the next: `waited` is in seconds, `rule` the counter's (`CounterSummary`)."""

    rule: Literal["best_rank", "in_order"]
    reason: Literal["placed_by_hand", "priority", "counter_order", "waited_longest"]
    waited: int
    service: str
    priority: Priority


class ServiceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A service as a card shows it; `estimated_wait` is that of a patient who would join now."""

    code: str
    name: str
    names: dict[str, str] = {}
    alias: str | None = None
    icon: str | None = None
    order: int = 0
    state: ServiceState = "open"
    opens_at: Moment | None = None
    open: bool = True
    waiting: int = 0
    estimated_wait: WaitBracket | None = None
    revision: int = 0


class CounterSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A counter: the services it serves in their order, who holds it, and the ticket open there.

    Attributes:
        rule: "best_rank" calls the best head of all its lines, "in_order" goes by class, then by its services' order.
    """

    code: str
    name: str
    names: dict[str, str] = {}
    services: tuple[str, ...] = ()
    rule: Literal["best_rank", "in_order"] = "best_rank"
    state: CounterState = "open"
    held_by: str | None = None
    ticket: Ticket | None = None


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The clinic. `time_zone` is an IANA name, `business_day` "YYYY-MM-DD".

    `day_starts` and `day_closes` are local "HH:MM"; None: only an administrator closes the day.
    """

    name: str
    time_zone: str
    day_starts: str
    languages: tuple[str, ...]
    business_day: str
    day_closes: str | None = None


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's answer to `session.hello`."""

    session: str
    role: str
    name: str
    server: dict[str, Any]
    epoch: str
    protocol: tuple[int, int]
    site: Site
    config_revision: int
    time: Moment
