"""Tickets, events and snapshots of a line, on the wire and in windows: immutable, times in UTC, waits in seconds.

`PublicTicket` has no member for a name, a note or a need, so that a frame encoded from it can't leak any of them.
`Ticket`, the staff view, adds these members. Clients always decode `Ticket`: on a public device they stay empty.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its time zone; on the wire ISO 8601 in UTC."""
Priority = Literal["high", "medium", "low"]
Place = Literal["arrival", "first", "last"]
"""Where a patient enters a line again: by priority and time of arrival, at the front, at the end."""
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
    """A likely wait in seconds: about one wait in four is shorter than `low`, four in five are shorter than `high`."""

    low: int
    high: int


class PublicTicket(msgspec.Struct, frozen=True, kw_only=True):
    """The public view of a ticket: the members that a waiting room may see.

    Attributes:
        position: place in line, from 1, exactly while `status` is "waiting".
        counter: code of the counter that called the ticket.
        rank_class, rank_time: sort key in its line; a neighbour's if `placed_by_hand`.
        calls: number of calls.
        called_at: time of the latest call. started_at: time of the first call.
        estimated_wait, ahead: only in the answers of single tickets. `ahead` is the number of patients who will be called
            before, in all lines that the line's open counters serve, at worst too high; None if no counter is open.
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
    ahead: int | None = None


class Ticket(PublicTicket, frozen=True, kw_only=True):
    """The staff view of a ticket: a `PublicTicket` with the personal members."""

    patient_name: str | None = None
    note: str | None = None
    needs: tuple[str, ...] = ()
    parked_reason: str | None = None


class QueueEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one service's line.

    Attributes:
        revision: number of the change, counted for each service from 1 without a gap.
        ticket: its state after the change; None for events of the service itself.
        from_position: place in line that the ticket left; None when it had no place.
        waiting: number of waiting tickets after the change.
        reason: word for the cause of a change by the system, e.g. "day_closed"; None for a change by a person.
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
    """A service's whole line at one revision (docs/clients.md, "Following lines").

    Attributes:
        waiting: in order of their places. more: number of waiting tickets that follow in later parts.
        recent: the ten latest called, latest call first. missed: today's latest no-shows, at most ten, latest first.
        stale: whether the hub could not reach its database, so that the line may be some seconds old.
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
    """Why a ticket was called next: `waited` is in seconds, `rule` is the counter's (`CounterSummary`)."""

    rule: Literal["best_rank", "in_order"]
    reason: Literal["placed_by_hand", "priority", "counter_order", "waited_longest"]
    waited: int
    service: str
    priority: Priority


class ServiceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A service as a card shows it; `estimated_wait` and `ahead` are those of a patient who joins now.

    Attributes:
        group: the group of its card. where: where its patients wait, a text for each language.
        wait_target: minutes that a patient should wait at most.
    """

    code: str
    name: str
    names: dict[str, str] = {}
    alias: str | None = None
    icon: str | None = None
    order: int = 0
    group: str | None = None
    where: dict[str, str] = {}
    wait_target: int | None = None
    state: ServiceState = "open"
    opens_at: Moment | None = None
    open: bool = True
    waiting: int = 0
    estimated_wait: WaitBracket | None = None
    ahead: int | None = None
    revision: int = 0


class CounterSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A counter: its services in their order, the person who holds it, and the ticket open there.

    Attributes:
        sign: what the wall shows large. words, place, short: that in words, where it is, and words for a narrow wall;
            a text for each language.
        rule: "best_rank" calls the best head of all its lines; "in_order" calls by class, then by the order of services.
        away: whether the holder has gone: any member of staff may open the counter, with its patient.
    """

    code: str
    name: str
    names: dict[str, str] = {}
    sign: str | None = None
    words: dict[str, str] = {}
    place: dict[str, str] = {}
    short: dict[str, str] = {}
    services: tuple[str, ...] = ()
    rule: Literal["best_rank", "in_order"] = "best_rank"
    state: CounterState = "open"
    held_by: str | None = None
    away: bool = False
    ticket: Ticket | None = None


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The clinic. `time_zone` is an IANA name, `business_day` "YYYY-MM-DD".

    `day_starts` and `day_closes` are local "HH:MM"; when `day_closes` is None, only an administrator closes the day.
    """

    name: str
    time_zone: str
    day_starts: str
    languages: tuple[str, ...]
    business_day: str
    day_closes: str | None = None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Another connection of the same person.

    Attributes:
        client: the program, e.g. "inturn-admin/1.0"; "another program" for a name that is not of this form.
        counter: code of the counter where it last opened, paused or called; None before.
        since: when it connected.
    """

    client: str
    counter: str | None = None
    since: Moment


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `session.hello`. `elsewhere`: a person's other connections to this hub; empty for a device."""

    session: str
    role: str
    name: str
    server: dict[str, Any]
    epoch: str
    protocol: tuple[int, int]
    site: Site
    config_revision: int
    time: Moment
    elsewhere: tuple[SignedIn, ...] = ()
