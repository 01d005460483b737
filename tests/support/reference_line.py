"""A plain model of a line as the hub keeps it: every change gives an event, and snapshots are taken at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from core.line.tickets import EventKind, Priority, QueueEvent, Snapshot, Ticket
from tests.support.builders import make_ticket

START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def ticket_in_line(number: int = 1, **members: Any) -> Ticket:
    """The `number`th ticket of service A, issued a second after the ticket before."""
    usual = {"id": f"ticket-{number}", "joined_at": START + timedelta(seconds=number)}
    return make_ticket(f"A{number:03d}", **(usual | members))


@dataclass
class ReferenceLine:
    """Service A: tickets by id, order of the waiting; `done`: the last change's ticket and place before it."""

    epoch: str = "e1"
    revision: int = 0
    open: bool = True
    issued: int = 0
    order: list[str] = field(default_factory=list)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    done: tuple[Ticket, int | None] | None = None

    def now(self) -> datetime:
        return START + timedelta(minutes=1, seconds=self.revision)

    def join(self, place: int | None = None, priority: Priority = "medium") -> QueueEvent:
        self.issued += 1
        ticket = ticket_in_line(self.issued, priority=priority)
        return self._step("joined", ticket, enters=len(self.order) + 1 if place is None else place)

    def call(self, place: int = 1) -> QueueEvent:
        return self.call_patient(self.order[place - 1])

    def call_patient(self, ticket_id: str, kind: EventKind = "called") -> QueueEvent:
        ticket, now = self.tickets[ticket_id], self.now()
        members = {"status": "consulting", "counter": "R1", "calls": ticket.calls + 1, "called_at": now}
        started = {"started_at": ticket.started_at or now, "ended_at": None}
        return self._step(kind, msgspec.structs.replace(ticket, **members, **started))

    def update(self, ticket_id: str) -> QueueEvent:
        place = self.order.index(ticket_id) + 1 if ticket_id in self.order else None
        ticket = msgspec.structs.replace(self.tickets[ticket_id], note=f"noted {self.revision}")
        return self._step("updated", ticket, enters=place)

    def undo(self) -> QueueEvent | None:
        if self.done is None:
            return None
        ticket, place = self.done
        event = self._step("undone", ticket, enters=place)
        self.done = None
        return event

    def end(self, ticket_id: str, kind: EventKind) -> QueueEvent:
        members: dict[str, object] = {"status": kind, "ended_at": self.now()}
        if kind == "parked":
            members = {"status": "parked", "counter": None, "parked_reason": "x-ray"}
        return self._step(kind, msgspec.structs.replace(self.tickets[ticket_id], **members))

    def enter_again(self, ticket_id: str, place: int, kind: EventKind = "moved") -> QueueEvent:
        ticket = msgspec.structs.replace(
            self.tickets[ticket_id], status="waiting", counter=None, parked_reason=None
        )
        return self._step(kind, ticket, enters=place)

    def transfer_out(self, ticket_id: str) -> QueueEvent:
        gone = msgspec.structs.replace(self.tickets[ticket_id], service="B", status="waiting", counter=None)
        return self._step("transferred_out", msgspec.structs.replace(gone, position=7))

    def switch(self, kind: EventKind) -> QueueEvent:
        self.open = kind == "opened"
        self.revision += 1
        waiting = len(self.order)
        return QueueEvent(service="A", revision=self.revision, kind=kind, at=self.now(), waiting=waiting)

    def snapshot(self) -> Snapshot:
        tickets = [self._placed(ticket) for ticket in self.tickets.values() if ticket.service == "A"]
        called = sorted((t for t in tickets if t.called_at), key=lambda t: (t.called_at, t.id), reverse=True)
        return Snapshot(
            service="A",
            epoch=self.epoch,
            revision=self.revision,
            open=self.open,
            waiting=tuple(self._placed(self.tickets[key]) for key in self.order),
            consulting=tuple(t for t in reversed(called) if t.status == "consulting"),
            parked=tuple(sorted((t for t in tickets if t.status == "parked"), key=lambda t: t.joined_at)),
            recent=tuple(called[:10]),
            missed=self._missed(),
            as_of=self.now(),
        )

    def parts(self, size: int) -> list[Snapshot]:
        whole = self.snapshot()
        starts = range(0, max(1, len(whole.waiting)), size)
        return [
            msgspec.structs.replace(
                whole,
                waiting=whole.waiting[at : at + size],
                more=max(0, len(whole.waiting) - at - size),
                consulting=whole.consulting if at == 0 else (),
                parked=whole.parked if at == 0 else (),
                recent=whole.recent if at == 0 else (),
                missed=whole.missed if at == 0 else (),
            )
            for at in starts
        ]

    def _missed(self) -> tuple[Ticket, ...]:
        missed = [ticket for ticket in self.tickets.values() if ticket.status == "no_show"]
        return tuple(sorted(missed, key=lambda t: (t.ended_at, t.id), reverse=True)[:10])

    def _placed(self, ticket: Ticket) -> Ticket:
        if ticket.service != "A":
            return ticket
        place = self.order.index(ticket.id) + 1 if ticket.id in self.order else None
        return msgspec.structs.replace(ticket, position=place)

    def _step(self, kind: EventKind, ticket: Ticket, enters: int | None = None) -> QueueEvent:
        leaves = self.order.index(ticket.id) + 1 if ticket.id in self.order else None
        if leaves is not None:
            del self.order[leaves - 1]
        if enters is not None:
            enters = min(max(1, enters), len(self.order) + 1)
            self.order.insert(enters - 1, ticket.id)
        before = self.tickets.get(ticket.id)
        self.done = (before, leaves) if before is not None else None
        self.tickets[ticket.id] = ticket
        self.revision += 1
        return QueueEvent(
            service="A",
            revision=self.revision,
            kind=kind,
            at=self.now(),
            ticket=self._placed(ticket),
            from_position=leaves,
            waiting=len(self.order),
        )
