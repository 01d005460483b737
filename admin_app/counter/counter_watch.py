"""Tracks one counter through the hub's events: its open ticket, and the missed tickets of its services."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject

from admin_app import console_flow as flow
from core.line.tickets import CounterSummary, QueueEvent, Ticket
from core.qt.hub_bridge import HubBridge


class CounterWatch(QObject):
    """Present state of one counter.

    Events update the open ticket. It is searched in the lines only after a snapshot, a hello, a change of
    services or a change of the counter.

    Attributes:
        missed: today's no-shows of the counter's services, newest first.
    """

    def __init__(self, bridge: HubBridge, parent: QObject) -> None:
        super().__init__(parent)
        self.missed: list[Ticket] = []
        self._bridge = bridge
        self._counter: CounterSummary | None = None
        self._open_ticket: Ticket | None = None
        # Ticket of the last answer. It counts until its event, which may arrive after the answer.
        self._answered: Ticket | None = None
        self._ticket_outdated, self._missed_outdated = True, True
        bridge.event_received.connect(self._on_event)
        bridge.reset.connect(self._mark_outdated)
        bridge.hello_changed.connect(self._mark_outdated)
        bridge.services_changed.connect(self._mark_outdated)

    def follow(self, counter: CounterSummary | None) -> None:
        """Switches to `counter`, or updates it, and brings the state up to date."""
        if _place(counter) != _place(self._counter):
            self._answered = None
            self._mark_outdated()
        self._counter = counter
        if self._ticket_outdated:
            self._open_ticket = self._find_open_ticket()
        if self._missed_outdated:
            services = counter.services if counter else ()
            self.missed = flow.newest_first([self._bridge.line(code).missed for code in services])
        self._ticket_outdated = self._missed_outdated = False

    def current(self) -> Ticket | None:
        """Returns the ticket open at the counter, or None."""
        if self._answered is not None:
            return self._answered if self._answered.status == "consulting" else None
        return self._open_ticket

    def answer(self, ticket: Ticket | None) -> None:
        """Applies the ticket that the hub answered to an action, or None if the line was empty."""
        self._answered = ticket if ticket is not None and not self._event_applied(ticket) else None

    def _event_applied(self, ticket: Ticket) -> bool:
        """Returns whether the event of this answer is already applied, because it arrived before the answer."""
        replica = self._bridge.line(ticket.service).find(ticket.id)
        if ticket.status != "consulting":
            return replica is None
        return replica is not None and replica.status == "consulting" and replica.calls >= ticket.calls

    def _find_open_ticket(self) -> Ticket | None:
        if self._counter is None:
            return None
        lines = [self._bridge.line(service.code) for service in self._bridge.services]
        if not any(line.known for line in lines):
            return self._counter.ticket
        return flow.ticket_at(self._counter.code, [ticket for line in lines for ticket in line.consulting])

    def _on_event(self, event: QueueEvent) -> None:
        ticket = event.ticket
        if ticket is None or self._counter is None:
            return
        if self._answered is not None and self._answered.id == ticket.id:
            self._answered = None
        if ticket.counter == self._counter.code and ticket.status == "consulting":
            self._open_ticket = ticket
        elif self._open_ticket is not None and self._open_ticket.id == ticket.id:
            self._open_ticket = None
        if ticket.status == "no_show" or any(missed.id == ticket.id for missed in self.missed):
            self._missed_outdated = True

    def _mark_outdated(self) -> None:
        self._ticket_outdated = self._missed_outdated = True


def _place(counter: CounterSummary | None) -> tuple[str, Sequence[str]] | None:
    return (counter.code, counter.services) if counter else None
