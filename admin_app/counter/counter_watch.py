"""Follows one counter through the hub's events: the patient there, and who was missed in its lines."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject

from admin_app import console_flow as flow
from core.line.tickets import CounterSummary, QueueEvent, Ticket
from core.qt.hub_bridge import HubBridge


class CounterWatch(QObject):
    """What is so at a counter now. The lines are searched only after a doubt; else each event tells.

    Attributes:
        missed: today's no-shows of the counter's services, newest first.
    """

    def __init__(self, bridge: HubBridge, parent: QObject) -> None:
        super().__init__(parent)
        self.missed: list[Ticket] = []
        self._bridge = bridge
        self._counter: CounterSummary | None = None
        self._here: Ticket | None = None
        # The last answer, until the event that may still be on its way.
        self._answered: Ticket | None = None
        self._doubtful, self._missed_doubtful = True, True
        bridge.event_received.connect(self._on_event)
        bridge.reset.connect(self._doubt)
        bridge.hello_changed.connect(self._doubt)
        bridge.services_changed.connect(self._doubt)

    def follow(self, counter: CounterSummary | None) -> None:
        """Watch this counter, and be right about it now."""
        if _place(counter) != _place(self._counter):
            self._answered = None
            self._doubt()
        self._counter = counter
        if self._doubtful:
            self._here = self._search()
        if self._missed_doubtful:
            services = counter.services if counter else ()
            self.missed = flow.newest_first([self._bridge.line(code).missed for code in services])
        self._doubtful = self._missed_doubtful = False

    def current(self) -> Ticket | None:
        """The ticket open at the counter."""
        if self._answered is not None:
            return self._answered if self._answered.status == "consulting" else None
        return self._here

    def answer(self, ticket: Ticket | None) -> None:
        """An answer of the hub made this of a ticket."""
        self._answered = ticket if ticket is not None and not self._arrived(ticket) else None

    def _arrived(self, ticket: Ticket) -> bool:
        """Whether the event of an answer was faster than the answer."""
        held = self._bridge.line(ticket.service).find(ticket.id)
        if ticket.status != "consulting":
            return held is None
        return held is not None and held.status == "consulting" and held.calls >= ticket.calls

    def _search(self) -> Ticket | None:
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
            self._here = ticket
        elif self._here is not None and self._here.id == ticket.id:
            self._here = None
        if ticket.status == "no_show" or any(missed.id == ticket.id for missed in self.missed):
            self._missed_doubtful = True

    def _doubt(self) -> None:
        self._doubtful = self._missed_doubtful = True


def _place(counter: CounterSummary | None) -> tuple[str, Sequence[str]] | None:
    return (counter.code, counter.services) if counter else None
