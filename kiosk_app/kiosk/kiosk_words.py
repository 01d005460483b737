"""Builds the text of a service card and of the ticket page from values of the hub."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from core import wording
from core.line.tickets import ServiceSummary, Ticket
from core.qt.look import icons
from kiosk_app.kiosk.service_cards import CardWords
from kiosk_app.kiosk.ticket_drawing import TicketWords


def card_words(service: ServiceSummary, zone: tzinfo, now: datetime) -> CardWords:
    """Returns the text of a service's card. An icon that InTurn does not ship becomes the neutral icon."""
    return CardWords(
        code=service.code,
        name=wording.service_name(service),
        icon=service.icon if service.icon and icons.exists(service.icon) else icons.UNKNOWN,
        details=wording.service_details(service, zone, now),
        open=service.state == "open",
    )


def ticket_words(ticket: Ticket, services: Iterable[ServiceSummary], zone: tzinfo) -> TicketWords:
    """Returns the text of the ticket page.

    Only the hub knows who will be called before (`Ticket.ahead`): a place in one line promises nothing.
    """
    names = {service.code: wording.service_name(service) for service in services}
    return TicketWords(ticket.number, names.get(ticket.service, ""), _figures(ticket, zone))


def _figures(ticket: Ticket, zone: tzinfo) -> tuple[tuple[str, str], ...]:
    if ticket.ahead is None:
        return (wording.NO_COUNTER,)
    if not ticket.ahead:
        return ((wording.YOU_ARE_NEXT, ""),)
    figures = [(str(ticket.ahead), wording.people_ahead_label(ticket.ahead))]
    wait = wording.wait_bracket(ticket.estimated_wait, about=False)
    if wait:
        figures.append((wait, f"{wording.LIKELY_WAIT} {wording.clock(ticket.joined_at, zone)}"))
    return tuple(figures)
