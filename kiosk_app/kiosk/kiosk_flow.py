"""State machine of the kiosk: which page follows which event. Pure functions: no Qt, no asyncio, no clock.

    welcome ── touch ──> joining ── answered ──> ticket ── Done (after 2.5 s) or 30 s ──> welcome
                            └────── refused, with a sentence ────────────> welcome
    any page ── hub lost ──> offline ── hub live again ──> welcome, or joining while a request is open

`Screen` is the whole state. Each event function takes a `Screen` and the present moment (seconds of a monotonic clock)
and returns the next `Screen`. The client repeats a request that was unanswered when the hub was lost, with the same
key, so the hub issues one ticket at most. The kiosk shows a ticket that arrives within `RECENT` seconds of the touch.
Later the patient has gone to reception: `unclaimed` returns True and the window cancels the ticket.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from core import wording
from core.line.tickets import Ticket
from core.wire.session import ConnectionState

GUARD = 0.5
"""Seconds after a touch or a new page within which a touch is ignored as a bounce."""
DONE_DEAF = 2.5
"""Seconds after the ticket appeared in which Done does nothing: a second tap would throw the number away."""
IDLE = 45.0
"""Seconds without a touch until the first sheet of services returns."""
TICKET_SHOWN = 30.0
"""Seconds that a ticket stays on the screen unless Done is touched."""
NOTICE_SHOWN = 12.0
"""Seconds that a notice stays over the cards."""
PATIENCE = 5.0
"""Seconds without an answer, or without a first connection, until the page says what to do instead."""
RECENT = 60.0
"""Seconds after the touch within which a ticket is still shown to its patient."""


class KioskPage(Enum):
    """The page that fills the window."""

    STARTING = "starting"
    WELCOME = "welcome"
    JOINING = "joining"
    TICKET = "ticket"
    OFFLINE = "offline"


@dataclass(frozen=True)
class TicketRequest:
    """An unanswered request for a ticket.

    Attributes:
        number: counts this window's requests from 1.
        service: code of the service that was touched.
        at: moment of the touch.
    """

    number: int
    service: str
    at: float


@dataclass(frozen=True)
class Screen:
    """State of the kiosk. Moments are seconds of the caller's monotonic clock.

    Attributes:
        page, since: the page shown, and the moment it appeared.
        live: the hub is connected and can issue tickets.
        sheet: index of the sheet of service cards, from 0.
        request: the unanswered request, if any.
        slow: the present wait exceeds `PATIENCE`.
        ticket: the ticket on the ticket page, None on any other page.
        notice, notice_at: a sentence over the cards, and the moment it appeared.
        touched_at: moment of the last touch that changed the state.
        seen_at: moment of the last other touch; it restarts the `IDLE` countdown.
        requests_made: number of requests so far.
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
    requests_made: int = 0


def start(now: float) -> Screen:
    """Returns the state of a kiosk that has just started."""
    return Screen(since=now)


def connection(screen: Screen, state: ConnectionState, now: float, *, stale: bool = False) -> Screen:
    """The connection changed state. A `stale` hub can't issue tickets: its database is unreachable."""
    screen = replace(screen, live=state is ConnectionState.LIVE and not stale)
    if state is ConnectionState.CONNECTING:
        return screen
    if screen.page is KioskPage.TICKET:
        return screen
    return _settle(screen, now)


def touched_service(screen: Screen, service: str, now: float) -> Screen:
    """An open service was touched. If the result has a new `request`, the window must send it."""
    if screen.page is not KioskPage.WELCOME or screen.request is not None or _too_soon(screen, now):
        return screen
    request = TicketRequest(screen.requests_made + 1, service, now)
    return replace(
        _go_to(screen, KioskPage.JOINING, now), request=request, requests_made=request.number, touched_at=now
    )


def sheet_turned(screen: Screen, sheet: int, now: float) -> Screen:
    """Back or More services was touched: the flow turns to `sheet`."""
    if screen.page is not KioskPage.WELCOME or _too_soon(screen, now):
        return screen
    return replace(screen, sheet=max(0, sheet), notice=None, touched_at=now)


def touched_elsewhere(screen: Screen, now: float) -> Screen:
    """Any touch or key on the welcome page: it only restarts the `IDLE` countdown."""
    return replace(screen, seen_at=now)


def may_be_done(screen: Screen, now: float) -> bool:
    """Returns whether Done ends the ticket page now."""
    return screen.page is KioskPage.TICKET and now - screen.since >= DONE_DEAF


def done(screen: Screen, now: float) -> Screen:
    """Done was touched."""
    if not may_be_done(screen, now):
        return screen
    return _settle(replace(screen, touched_at=now), now)


def answered(screen: Screen, number: int, ticket: Ticket, now: float) -> Screen:
    """The hub answered request `number` with a ticket."""
    request = screen.request
    if request is None or request.number != number:
        return screen
    screen = replace(screen, request=None)
    if now - request.at > RECENT:
        return screen if screen.page is KioskPage.TICKET else _settle(screen, now)
    return replace(_go_to(screen, KioskPage.TICKET, now), ticket=ticket)


def unclaimed(screen: Screen, number: int, now: float) -> bool:
    """Returns whether a ticket that answers request `number` now comes too late for its patient.

    Call it before `answered`, which clears the request.
    """
    request = screen.request
    return request is None or request.number != number or now - request.at > RECENT


def refused(screen: Screen, number: int, sentence: str, now: float) -> Screen:
    """The hub refused request `number`; `sentence` tells the patient why."""
    request = screen.request
    if request is None or request.number != number:
        return screen
    screen = replace(screen, request=None)
    if now - request.at > RECENT or not screen.live:
        return _settle(screen, now)
    return replace(_go_to(screen, KioskPage.WELCOME, now), notice=sentence, notice_at=now)


def time_passed(screen: Screen, now: float) -> Screen:
    """Applies the timeouts that have elapsed. Extra calls change nothing."""
    if screen.page is KioskPage.TICKET and now - screen.since >= TICKET_SHOWN:
        return _settle(screen, now)
    if (
        screen.page in (KioskPage.STARTING, KioskPage.JOINING)
        and now - screen.since >= PATIENCE
        and not screen.slow
    ):
        return replace(screen, slow=True)
    if screen.page is KioskPage.JOINING and screen.request is not None and now - screen.request.at > RECENT:
        timed_out = _settle(replace(screen, request=None), now)
        return replace(timed_out, notice=wording.NO_ANSWER, notice_at=now)
    if screen.notice is not None and now - screen.notice_at >= NOTICE_SHOWN:
        screen = replace(screen, notice=None)
    if screen.sheet and now - max(screen.touched_at, screen.seen_at) >= IDLE:
        screen = replace(screen, sheet=0)
    return screen


def remaining(screen: Screen, now: float) -> float:
    """Returns the fraction of the ticket page's time that is left, from 1 to 0."""
    return max(0.0, min(1.0, 1 - (now - screen.since) / TICKET_SHOWN))


def _settle(screen: Screen, now: float) -> Screen:
    """Goes to the page that follows from the connection and the unanswered request."""
    if not screen.live:
        return _go_to(screen, KioskPage.OFFLINE, now)
    if screen.request is not None and now - screen.request.at <= RECENT:
        return _go_to(screen, KioskPage.JOINING, now)
    return _go_to(replace(screen, request=None), KioskPage.WELCOME, now)


def _go_to(screen: Screen, page: KioskPage, now: float) -> Screen:
    if screen.page is page:
        return screen
    ticket = screen.ticket if page is KioskPage.TICKET else None
    sheet = screen.sheet if page is KioskPage.JOINING else 0
    return replace(screen, page=page, since=now, slow=False, ticket=ticket, sheet=sheet, notice=None)


def _too_soon(screen: Screen, now: float) -> bool:
    return now - max(screen.touched_at, screen.since) < GUARD
