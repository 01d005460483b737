"""What the wall monitor shows, as a value: made from the lines, the connection and the time of day. No Qt.

nothing known yet ──> waiting for the hub          hub lost, less than 5 min ──> stale: kept, with a grey frame
live ──> the last call, recent calls, next         hub lost longer, or refused ──> a neutral notice
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from itertools import zip_longest

from core import wording
from core.session import ConnectionState
from core.tickets import CounterSummary, ServiceSummary, Ticket

PULSE = timedelta(seconds=5)
"""How long a new call pulses, once a second; never more often, never red."""
FRESH = timedelta(seconds=20)
"""How long a call stands out."""
LOST_FOR_GOOD = timedelta(minutes=5)
"""An older picture is taken down: numbers on it would send people astray."""
_SHOWN_STATES = ("consulting", "completed", "no_show", "parked")


class Mode(Enum):
    """How much the monitor knows."""

    WAITING = "waiting"
    LIVE = "live"
    STALE = "stale"
    LOST = "lost"


@dataclass(frozen=True)
class Call:
    """One call: a number and where to go; `fresh` stands out, `pulsing` draws every eye."""

    number: str
    counter: str
    fresh: bool = False
    pulsing: bool = False


@dataclass(frozen=True)
class Board:
    """Everything on the wall.

    Attributes:
        mode: how much is known; `since` the time of day ("10:42") when the hub was last heard, else empty.
        current: the newest call. recent: those before it, newest first.
        upcoming: the next numbers. missed: today's no-shows, newest first.
        heading, sentence: what is said instead of a call while there is none.
        clinic, room, clock: the head line.
    """

    mode: Mode = Mode.WAITING
    since: str = ""
    current: Call | None = None
    recent: tuple[Call, ...] = ()
    upcoming: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    heading: str = ""
    sentence: str = ""
    clinic: str = ""
    room: str = ""
    clock: str = ""


def mode_of(state: ConnectionState, lost_since: datetime | None, known: bool, now: datetime) -> Mode:
    """How much the monitor knows. `known`: whether any line was ever received."""
    if state is ConnectionState.REFUSED:
        return Mode.LOST
    if state is ConnectionState.LIVE:
        return Mode.LIVE if known else Mode.WAITING
    if lost_since is not None and now - lost_since > LOST_FOR_GOOD:
        return Mode.LOST
    return Mode.STALE if known else Mode.WAITING


def calls(
    recent: Iterable[Ticket], counters: Sequence[CounterSummary], now: datetime, most: int
) -> tuple[Call, ...]:
    """The last calls of all lines, newest first, each ticket once, with where it was last called to."""
    called = [ticket for ticket in recent if ticket.called_at and ticket.status in _SHOWN_STATES]
    called.sort(key=lambda ticket: (ticket.called_at, ticket.number), reverse=True)
    return tuple(
        Call(
            ticket.number,
            wording.counter_name(ticket.counter, counters),
            fresh=_younger(ticket, FRESH, now),
            pulsing=_younger(ticket, PULSE, now),
        )
        for ticket in called[:most]
    )


def _younger(ticket: Ticket, age: timedelta, now: datetime) -> bool:
    return ticket.called_at is not None and now - ticket.called_at < age


def calmed(board: Board) -> Board:
    """The same with nothing that stands out: what is not live may not send anybody anywhere in a hurry."""
    calm = [replace(call, fresh=False, pulsing=False) for call in (board.current, *board.recent) if call]
    return replace(board, current=calm[0] if calm else None, recent=tuple(calm[1:]))


def upcoming(lines: Iterable[Sequence[Ticket]], most: int) -> tuple[str, ...]:
    """The next numbers: the first of each line, then the second of each, …"""
    rows = zip_longest(*lines)
    return tuple(ticket.number for row in rows for ticket in row if ticket is not None)[:most]


def nothing_called(services: Sequence[ServiceSummary], zone: tzinfo, now: datetime) -> tuple[str, str]:
    """Heading and sentence while nobody has been called: closed, or soon."""
    if not services or any(service.state != "closed" for service in services):
        return wording.NOTHING_CALLED
    opening = [service.opens_at for service in services if service.opens_at is not None]
    sentence = wording.opens_at(min(opening), zone, now) if opening else ""
    return wording.WALL_CLOSED, sentence[:1].upper() + sentence[1:]
