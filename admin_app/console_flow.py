"""What the console shows and allows, decided without Qt: values in, values out.

Which page follows which event, which action may be pressed now, whose ticket is at the counter, and how the
figures and the wait colours come out of the lines. The widgets only draw what is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Literal

import msgspec

from core.line.tickets import CounterSummary, Ticket
from core.qt.look.palette import Tone

Link = Literal["connecting", "live", "lost", "refused"]
TARGET_WAIT_SECONDS = 15 * 60
"""A wait that a clinic finds long. Amber from 0.7 of it, red above it."""


class ConsolePage(Enum):
    """The console's pages, in the order in which a person meets them."""

    SIGN_IN = auto()
    COUNTER = auto()
    CALLS = auto()


class Action(Enum):
    """What a person may ask of the hub at a counter."""

    CALL_NEXT = auto()
    RECALL = auto()
    COMPLETE = auto()
    NO_SHOW = auto()
    PAUSE = auto()
    OPEN = auto()


class DeskState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what may be done now.

    Attributes:
        link: the connection to the hub. stale: whether that hub misses its database, so that nothing can be changed.
        user: the name of who is signed in, None before sign-in.
        supervises: whether this person may step in at another's counter.
        counter: the chosen counter as the hub describes it, None until one is chosen.
        current: the ticket open at that counter.
        pending: the action whose answer is outstanding.
    """

    link: Link = "connecting"
    stale: bool = False
    user: str | None = None
    supervises: bool = False
    counter: CounterSummary | None = None
    current: Ticket | None = None
    pending: Action | None = None


def page_of(state: DeskState, wants_counters: bool) -> ConsolePage:
    """The page to show; `wants_counters` when the person asked for the list of counters."""
    if state.user is None:
        return ConsolePage.SIGN_IN
    if state.counter is None or wants_counters:
        return ConsolePage.COUNTER
    return ConsolePage.CALLS


def allowed(state: DeskState) -> frozenset[Action]:
    """The actions that may be pressed now: none while an answer is outstanding, or the hub or its database is away."""
    if state.link != "live" or state.stale or state.counter is None or state.pending is not None:
        return frozenset()
    found = {Action.PAUSE, Action.CALL_NEXT} if state.counter.state == "open" else {Action.OPEN}
    if state.current is not None:
        found |= {Action.RECALL, Action.COMPLETE, Action.NO_SHOW}
    return frozenset(found)


def held_by_me(counter: CounterSummary, state: DeskState) -> bool:
    """Whether the person who is signed in holds the counter."""
    return counter.held_by is not None and counter.held_by == state.user


def held_by_another(counter: CounterSummary, state: DeskState) -> bool:
    """Whether somebody else holds the counter."""
    return counter.held_by is not None and not held_by_me(counter, state)


def may_choose(counter: CounterSummary, state: DeskState) -> bool:
    """Whether this person may work at the counter: a supervisor may step in anywhere."""
    return state.supervises or not held_by_another(counter, state)


def must_open(counter: CounterSummary) -> bool:
    """Whether choosing the counter takes and opens it; one that is held stays as its holder left it."""
    return counter.held_by is None


def ticket_at(counter: str, consulting: Iterable[Ticket]) -> Ticket | None:
    """The ticket open at a counter among those being seen, the latest called if there were several."""
    here = [ticket for ticket in consulting if ticket.counter == counter]
    return max(here, key=lambda ticket: ticket.called_at or ticket.joined_at, default=None)


def newest_first(lists: Sequence[Sequence[Ticket]]) -> list[Ticket]:
    """The missed of several lines as one list."""
    return sorted(
        (ticket for tickets in lists for ticket in tickets),
        key=lambda ticket: ticket.ended_at or ticket.joined_at,
        reverse=True,
    )


def wait_seconds(ticket: Ticket, now: datetime) -> float:
    """How long the patient has waited, or waited until called; never negative, whatever the clocks say."""
    return max(0.0, ((ticket.called_at or now) - ticket.joined_at).total_seconds())


def wait_tone(seconds: float, target: float = TARGET_WAIT_SECONDS) -> Tone:
    """Neutral below 0.7 of the target, attention up to it, danger above."""
    if seconds > target:
        return "danger"
    return "attention" if seconds >= 0.7 * target else "neutral"


def first_wait(ticket: Ticket, now: datetime) -> float:
    """Seconds from joining to the first call: calling again doesn't lengthen it."""
    called = ticket.started_at or ticket.called_at or now
    return max(0.0, (called - ticket.joined_at).total_seconds())


class Figures(msgspec.Struct, frozen=True):
    """The figures over the line; `longest` in seconds, None when nobody waits."""

    waiting: int
    longest: float | None
    counters_open: int
    counters: int


def figures(order: Sequence[Ticket], counters: Iterable[CounterSummary], now: datetime) -> Figures:
    """The figures of the tickets shown and of all counters."""
    known = list(counters)
    longest = max((wait_seconds(ticket, now) for ticket in order), default=None)
    return Figures(len(order), longest, sum(counter.state == "open" for counter in known), len(known))
