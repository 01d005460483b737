"""Decisions of the console as pure functions, without Qt.

They choose the page to show, the actions that are allowed, the ticket that is open at a counter, the figures over the
line and the colour of a wait. The widgets only draw the results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Literal

import msgspec

from core.line.tickets import CounterSummary, SignedIn, Ticket
from core.qt.look.palette import Tone

Link = Literal["connecting", "live", "lost", "refused"]
TARGET_WAIT_SECONDS = 15 * 60
"""Wait that a clinic finds long. A wait is amber from 0.7 of it on, and red above it."""


class ConsolePage(Enum):
    """The console's pages, in the order of a working day."""

    SIGN_IN = auto()
    ELSEWHERE = auto()
    COUNTER = auto()
    CALLS = auto()


class Action(Enum):
    """A request that staff can make at a counter."""

    CALL_NEXT = auto()
    RECALL = auto()
    COMPLETE = auto()
    NO_SHOW = auto()
    PAUSE = auto()
    OPEN = auto()
    UNDO = auto()


GUARDED = frozenset({Action.CALL_NEXT, Action.COMPLETE, Action.NO_SHOW})
"""Actions that end a consultation or call a patient: a second press of them would reach the next patient."""


class DeskState(msgspec.Struct, frozen=True, kw_only=True):
    """The state from which the console computes its page and the allowed actions.

    Attributes:
        link: state of the connection to the hub.
        stale: the hub's database is unreachable, so that the hub rejects every change.
        user: name of the signed-in user, None before sign-in.
        elsewhere: where the user is signed in already; empty once the user chose to go on here.
        supervises: the user may work at a counter that another user holds.
        counter: the chosen counter as the hub describes it, None before a choice.
        current: the ticket open at that counter.
        pending: the action that the hub has not answered yet.
        guarded: the patient at the counter has just changed (`counter.counter_guard`).
        may_undo: the last action can be taken back.
    """

    link: Link = "connecting"
    stale: bool = False
    user: str | None = None
    elsewhere: tuple[SignedIn, ...] = ()
    supervises: bool = False
    counter: CounterSummary | None = None
    current: Ticket | None = None
    pending: Action | None = None
    guarded: bool = False
    may_undo: bool = False


def page_of(state: DeskState, wants_counters: bool) -> ConsolePage:
    """Returns the page to show. `wants_counters`: the user asked for the list of counters."""
    if state.user is None:
        return ConsolePage.SIGN_IN
    if state.elsewhere:
        return ConsolePage.ELSEWHERE
    if state.counter is None or wants_counters:
        return ConsolePage.COUNTER
    return ConsolePage.CALLS


def allowed(state: DeskState) -> frozenset[Action]:
    """Returns the allowed actions: none while an action is pending or the hub or its database is unreachable."""
    if state.link != "live" or state.stale or state.counter is None or state.pending is not None:
        return frozenset()
    found = {Action.PAUSE, Action.CALL_NEXT} if state.counter.state == "open" else {Action.OPEN}
    if state.current is not None:
        found |= {Action.RECALL, Action.COMPLETE, Action.NO_SHOW}
    if state.may_undo:
        found.add(Action.UNDO)
    return frozenset(found - GUARDED if state.guarded else found)


def held_by_me(counter: CounterSummary, state: DeskState) -> bool:
    """Returns whether the signed-in user holds the counter."""
    return counter.held_by is not None and counter.held_by == state.user


def held_by_another(counter: CounterSummary, state: DeskState) -> bool:
    """Returns whether another user, who is there, holds the counter."""
    return counter.held_by is not None and not counter.away and not held_by_me(counter, state)


def may_choose(counter: CounterSummary, state: DeskState) -> bool:
    """Returns whether the user may choose the counter: a supervisor may choose a counter that is held."""
    return state.supervises or not held_by_another(counter, state)


def must_open(counter: CounterSummary) -> bool:
    """Returns whether choosing the counter must open it: a counter whose holder is there keeps its state."""
    return counter.held_by is None or counter.away


def ticket_at(counter: str, consulting: Iterable[Ticket]) -> Ticket | None:
    """Returns the ticket open at a counter, or None; the latest called if there are several.

    `consulting` holds the tickets with that status.
    """
    here = [ticket for ticket in consulting if ticket.counter == counter]
    return max(here, key=lambda ticket: ticket.called_at or ticket.joined_at, default=None)


def newest_first(lists: Sequence[Sequence[Ticket]]) -> list[Ticket]:
    """Merges the missed tickets of several lines, newest first."""
    return sorted(
        (ticket for tickets in lists for ticket in tickets),
        key=lambda ticket: ticket.ended_at or ticket.joined_at,
        reverse=True,
    )


def wait_seconds(ticket: Ticket, now: datetime) -> float:
    """Returns the seconds from joining to the last call, or to `now`; at least 0 if the clocks disagree."""
    return max(0.0, ((ticket.called_at or now) - ticket.joined_at).total_seconds())


def wait_tone(seconds: float, target: float = TARGET_WAIT_SECONDS) -> Tone:
    """Returns neutral below 0.7 of the target, attention up to the target, danger above it."""
    if seconds > target:
        return "danger"
    return "attention" if seconds >= 0.7 * target else "neutral"


def first_wait(ticket: Ticket, now: datetime) -> float:
    """Returns the seconds from joining to the first call; a recall does not lengthen them."""
    called = ticket.started_at or ticket.called_at or now
    return max(0.0, (called - ticket.joined_at).total_seconds())


class Figures(msgspec.Struct, frozen=True):
    """Figures over the line; `longest` is the longest wait in seconds, None if the line is empty."""

    waiting: int
    longest: float | None
    counters_open: int
    counters: int


def figures(order: Sequence[Ticket], counters: Iterable[CounterSummary], now: datetime) -> Figures:
    """Computes the figures of the tickets in `order` and of all counters."""
    known = list(counters)
    longest = max((wait_seconds(ticket, now) for ticket in order), default=None)
    return Figures(len(order), longest, sum(counter.state == "open" for counter in known), len(known))
