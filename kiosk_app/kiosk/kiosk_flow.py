"""Which page the kiosk shows after which event. Values in, values out: no Qt, no asyncio, no clock.

    welcome ── touch ──> joining ── answered ──> ticket ── Done or 30 s ──> welcome
                            └────── refused, with a sentence ────────────> welcome
    any page ── hub lost ──> offline ── hub live again ──> welcome, or joining while an answer is still owed

A `Screen` is all there is to know; each function takes one with the present moment (seconds of a clock that
never runs backwards) and gives the next. A request that was not answered when the hub went away is kept and
repeated with its key by the connection, so it is neither lost nor doubled. Its ticket is shown when the
answer comes within `RECENT` seconds of the touch; later the patient has gone to reception and nobody would
read the number: `unclaimed` tells the window to give it back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from core import wording
from core.line.tickets import Ticket
from core.wire.session import ConnectionState

GUARD = 0.5
"""A second touch within so many seconds is the same touch."""
IDLE = 45.0
"""After so long without a touch everything returns to the first page."""
TICKET_SHOWN = 30.0
"""How long a number that was not printed stays."""
NOTICE_SHOWN = 12.0
PATIENCE = 5.0
"""After so long without an answer, or without a first connection, people are told what to do."""
RECENT = 60.0
"""How long after the touch a ticket is still its patient's."""


class KioskPage(Enum):
    """What fills the window."""

    STARTING = "starting"
    WELCOME = "welcome"
    JOINING = "joining"
    TICKET = "ticket"
    OFFLINE = "offline"


@dataclass(frozen=True)
class TicketRequest:
    """A ticket asked for: its number in this window's life, the service, and when it was touched."""

    number: int
    service: str
    at: float


@dataclass(frozen=True)
class Screen:
    """What the kiosk shows and why.

    Attributes:
        page, since: the page, and since when.
        live: whether the hub is there and can give numbers.
        sheet: which sheet of service cards, from 0.
        request: the ticket that an answer is owed for.
        slow: the present wait has lasted longer than `PATIENCE`.
        ticket: the number shown on the ticket page.
        notice, notice_at: a sentence over the cards, and since when.
        touched_at: the last touch that did something. seen_at: the last that showed somebody is there.
        asked: how many tickets were asked for.
    """

    page: KioskPage = KioskPage.STARTING
    since: float = 0.0
    live: bool = False
    sheet: int = 0
    request: TicketRequest | None = None
    slow: bool = False
    ticket: Ticket | None = None
    notice: str | None = None
    notice_at: float = 0.0
    touched_at: float = float("-inf")
    seen_at: float = float("-inf")
    asked: int = 0


def start(now: float) -> Screen:
    """The kiosk has just been switched on."""
    return Screen(since=now)


def connection(screen: Screen, state: ConnectionState, now: float, *, stale: bool = False) -> Screen:
    """The connection to the hub changed. A hub that is `stale` can't give numbers: it misses its database."""
    screen = replace(screen, live=state is ConnectionState.LIVE and not stale)
    if state is ConnectionState.CONNECTING:
        return screen
    if screen.page is KioskPage.TICKET:
        return screen
    return _settle(screen, now)


def touched_service(screen: Screen, service: str, now: float) -> Screen:
    """Somebody touched an open service; a new `request` tells the window to ask for a ticket."""
    if screen.page is not KioskPage.WELCOME or screen.request is not None or _too_soon(screen, now):
        return screen
    request = TicketRequest(screen.asked + 1, service, now)
    return replace(_to(screen, KioskPage.JOINING, now), request=request, asked=request.number, touched_at=now)


def turned(screen: Screen, sheet: int, now: float) -> Screen:
    """Somebody asked for another sheet of services."""
    if screen.page is not KioskPage.WELCOME or _too_soon(screen, now):
        return screen
    return replace(screen, sheet=max(0, sheet), notice=None, touched_at=now)


def touched_elsewhere(screen: Screen, now: float) -> Screen:
    """A touch that does nothing but show that somebody is there."""
    return replace(screen, seen_at=now)


def done(screen: Screen, now: float) -> Screen:
    """Somebody touched Done."""
    if screen.page is not KioskPage.TICKET or _too_soon(screen, now):
        return screen
    return _settle(replace(screen, touched_at=now), now)


def answered(screen: Screen, number: int, ticket: Ticket, now: float) -> Screen:
    """The hub gave a ticket for the request of that number."""
    request = screen.request
    if request is None or request.number != number:
        return screen
    screen = replace(screen, request=None)
    if now - request.at > RECENT:
        return screen if screen.page is KioskPage.TICKET else _settle(screen, now)
    return replace(_to(screen, KioskPage.TICKET, now), ticket=ticket)


def unclaimed(screen: Screen, number: int, now: float) -> bool:
    """Whether a ticket that comes now for that request is nobody's any more. Ask before `answered`."""
    request = screen.request
    return request is None or request.number != number or now - request.at > RECENT


def refused(screen: Screen, number: int, sentence: str, now: float) -> Screen:
    """The hub refused the request of that number, with a sentence for the patient."""
    request = screen.request
    if request is None or request.number != number:
        return screen
    screen = replace(screen, request=None)
    if now - request.at > RECENT or not screen.live:
        return _settle(screen, now)
    return replace(_to(screen, KioskPage.WELCOME, now), notice=sentence, notice_at=now)


def passed(screen: Screen, now: float) -> Screen:
    """Time passed. Calling it too early or too often changes nothing."""
    if screen.page is KioskPage.TICKET and now - screen.since >= TICKET_SHOWN:
        return _settle(screen, now)
    if (
        screen.page in (KioskPage.STARTING, KioskPage.JOINING)
        and now - screen.since >= PATIENCE
        and not screen.slow
    ):
        return replace(screen, slow=True)
    if screen.page is KioskPage.JOINING and screen.request is not None and now - screen.request.at > RECENT:
        given_up = _settle(replace(screen, request=None), now)
        return replace(given_up, notice=wording.NO_ANSWER, notice_at=now)
    if screen.notice is not None and now - screen.notice_at >= NOTICE_SHOWN:
        screen = replace(screen, notice=None)
    if screen.sheet and now - max(screen.touched_at, screen.seen_at) >= IDLE:
        screen = replace(screen, sheet=0)
    return screen


def remaining(screen: Screen, now: float) -> float:
    """How much of the ticket page's time is left, from 1 to 0."""
    return max(0.0, min(1.0, 1 - (now - screen.since) / TICKET_SHOWN))


def _settle(screen: Screen, now: float) -> Screen:
    """The page that the connection and an owed answer ask for."""
    if not screen.live:
        return _to(screen, KioskPage.OFFLINE, now)
    if screen.request is not None and now - screen.request.at <= RECENT:
        return _to(screen, KioskPage.JOINING, now)
    return _to(replace(screen, request=None), KioskPage.WELCOME, now)


def _to(screen: Screen, page: KioskPage, now: float) -> Screen:
    if screen.page is page:
        return screen
    ticket = screen.ticket if page is KioskPage.TICKET else None
    sheet = screen.sheet if page is KioskPage.JOINING else 0
    return replace(screen, page=page, since=now, slow=False, ticket=ticket, sheet=sheet, notice=None)


def _too_soon(screen: Screen, now: float) -> bool:
    return now - max(screen.touched_at, screen.since) < GUARD
