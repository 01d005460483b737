"""The wall monitor's content as a value, computed from the lines, the connection and the time of day. No Qt.

no line received yet ──> waiting for the hub       hub lost for 5 min at most ──> stale: old board, grey frame
live ──> the last call, recent calls, next         hub lost longer, or refused ──> a neutral notice
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from itertools import zip_longest
from typing import Protocol

from core import wording
from core.errors import HubError
from core.line.line_store import Line
from core.line.tickets import CounterSummary, Hello, ServiceSummary, Ticket
from core.wire.session import ConnectionState

PULSE = timedelta(seconds=5)
"""How long a new call pulses: once a second, never faster, never in red."""
FRESH = timedelta(seconds=20)
"""How long a call is highlighted."""
SHOWN_FOR = timedelta(hours=3)
"""Age from which on a call disappears, so that the morning does not start with yesterday's numbers."""
LOST_FOR_GOOD = timedelta(minutes=5)
"""Outage after which the wall shows no numbers: outdated ones would send patients to the wrong counter."""
_SHOWN_STATES = ("consulting", "completed", "parked")
_NEXT_NUMBERS, _MISSED = 6, 3


class BoardMode(Enum):
    """How current the board is."""

    WAITING = "waiting"
    LIVE = "live"
    STALE = "stale"
    LOST = "lost"


@dataclass(frozen=True)
class Call:
    """One call: ticket number and counter name; a `fresh` call is highlighted, a `pulsing` call flashes."""

    number: str
    counter: str
    fresh: bool = False
    pulsing: bool = False


@dataclass(frozen=True)
class Board:
    """Everything that the wall shows.

    Attributes:
        mode: how current the board is.
        since: time of day ("10:42") of the hub's last message while the hub is lost, else empty.
        current: the newest call. recent: the calls before it, newest first.
        upcoming: the next numbers. missed: today's no-shows, newest first.
        heading, sentence: text in place of a call while there is none; else empty.
        clinic, room, clock: text of the header.
    """

    mode: BoardMode = BoardMode.WAITING
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


class HubView(Protocol):
    """The part of `core.qt.hub_bridge.HubBridge` that the board reads."""

    @property
    def state(self) -> ConnectionState: ...
    @property
    def lost_since(self) -> datetime | None: ...
    @property
    def refusal(self) -> HubError | None: ...
    @property
    def hello(self) -> Hello | None: ...
    @property
    def services(self) -> tuple[ServiceSummary, ...]: ...
    @property
    def counters(self) -> tuple[CounterSummary, ...]: ...
    def line(self, service: str) -> Line: ...


def gather(hub: HubView, now: datetime, most: int) -> Board:
    """Returns the board at the hub's time `now` (UTC), with at most `most` calls."""
    lines = [line for line in (hub.line(service.code) for service in hub.services) if line.known]
    mode = mode_of(hub.state, hub.lost_since, bool(lines), now)
    called = calls((ticket for line in lines for ticket in line.recent), hub.counters, now, most)
    hello = hub.hello
    zone = wording.time_zone(hello.site.time_zone if hello else None)
    board = Board(
        mode=mode,
        since=wording.clock(hub.lost_since, zone) if hub.lost_since else "",
        current=called[0] if called else None,
        recent=called[1:],
        upcoming=upcoming([line.first(_NEXT_NUMBERS) for line in lines], _NEXT_NUMBERS),
        missed=missed_numbers((ticket for line in lines for ticket in line.missed), hello)[:_MISSED],
        clinic=hello.site.name if hello else "",
        room=hello.name if hello else "",
        clock=wording.clock(now, zone) if hello else "",
    )
    heading, sentence = _text_without_call(hub, board, zone, now)
    board = replace(board, heading=heading, sentence=sentence)
    return board if mode is BoardMode.LIVE else calmed(board)


def _text_without_call(hub: HubView, board: Board, zone: tzinfo, now: datetime) -> tuple[str, str]:
    if board.mode is BoardMode.WAITING:
        return wording.WALL_STARTING
    if board.mode is BoardMode.LOST:
        heading, sentence = wording.WALL_LOST
        return heading, wording.for_staff(hub.refusal.message) if hub.refusal else sentence
    return nothing_called(hub.services, zone, now) if board.current is None else ("", "")


def mode_of(state: ConnectionState, lost_since: datetime | None, known: bool, now: datetime) -> BoardMode:
    """Returns how current the board is. `known`: at least one line was received."""
    if state is ConnectionState.REFUSED:
        return BoardMode.LOST
    if state is ConnectionState.LIVE:
        return BoardMode.LIVE if known else BoardMode.WAITING
    if lost_since is not None and now - lost_since > LOST_FOR_GOOD:
        return BoardMode.LOST
    return BoardMode.STALE if known else BoardMode.WAITING


def calls(
    recent: Iterable[Ticket], counters: Sequence[CounterSummary], now: datetime, most: int
) -> tuple[Call, ...]:
    """Returns the last calls of all lines, newest first: each ticket once, with the counter of its last call."""
    called = [
        ticket for ticket in recent if ticket.status in _SHOWN_STATES and _younger(ticket, SHOWN_FOR, now)
    ]
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
    """Returns the board without highlights: an outdated call must not hurry a patient to a counter."""
    calm = [replace(call, fresh=False, pulsing=False) for call in (board.current, *board.recent) if call]
    return replace(board, current=calm[0] if calm else None, recent=tuple(calm[1:]))


def upcoming(lines: Iterable[Sequence[Ticket]], most: int) -> tuple[str, ...]:
    """Returns the next numbers: the first of each line, then the second of each, at most `most`."""
    rows = zip_longest(*lines)
    return tuple(ticket.number for row in rows for ticket in row if ticket is not None)[:most]


def missed_numbers(missed: Iterable[Ticket], hello: Hello | None) -> tuple[str, ...]:
    """Returns the numbers of the no-shows of the hub's business day, of all lines, newest first.

    A line in which nothing has happened today still lists yesterday's.
    """
    if hello is None:
        return ()
    since = [ticket for ticket in missed if ticket.business_day == hello.site.business_day]
    since.sort(key=lambda ticket: ticket.ended_at or ticket.joined_at, reverse=True)
    return tuple(ticket.number for ticket in since)


def nothing_called(services: Sequence[ServiceSummary], zone: tzinfo, now: datetime) -> tuple[str, str]:
    """Returns heading and sentence for a clinic without a call: open, or closed with the next opening time."""
    if not services or any(service.state != "closed" for service in services):
        return wording.NOTHING_CALLED
    opening = [service.opens_at for service in services if service.opens_at is not None]
    sentence = wording.opens_at(min(opening), zone, now) if opening else ""
    return wording.WALL_CLOSED, sentence[:1].upper() + sentence[1:]
