"""What cards and ticket page say about a service and a ticket."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from core import wording
from core.line.tickets import ServiceSummary, Ticket
from core.qt.look import icons
from kiosk_app.kiosk.service_cards import CardWords
from kiosk_app.kiosk.ticket_drawing import TicketWords


def card_words(service: ServiceSummary, zone: tzinfo, now: datetime) -> CardWords:
    """A service's card. An icon that does not ship with InTurn becomes the neutral one."""
    return CardWords(
        code=service.code,
        name=wording.service_name(service),
        icon=service.icon if service.icon and icons.exists(service.icon) else icons.UNKNOWN,
        details=wording.service_details(service, zone, now),
        open=service.state == "open",
    )


def ticket_words(ticket: Ticket, services: Iterable[ServiceSummary], zone: tzinfo) -> TicketWords:
    """The ticket page. Who is next is told so, without a figure and a wait."""
    names = {service.code: wording.service_name(service) for service in services}
    ahead = wording.ticket_ahead(ticket)
    if not ahead:
        return TicketWords(ticket.number, names.get(ticket.service, ""), ((wording.YOU_ARE_NEXT, ""),))
    figures = [(str(ahead), wording.people_ahead_label(ahead))]
    wait = wording.wait_bracket(ticket.estimated_wait, about=False)
    if wait:
        figures.append((wait, f"{wording.LIKELY_WAIT} {wording.clock(ticket.joined_at, zone)}"))
    return TicketWords(ticket.number, names.get(ticket.service, ""), tuple(figures))
