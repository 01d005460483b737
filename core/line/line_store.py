"""A replica of the lines: snapshots and events in, what a window shows out. Pure.

The promise of protocol.md ("Pushes") as a client keeps it: every revision of a line is applied once and in
order, or a snapshot replaces those that are missing. What does not fit is never guessed: the line stays as it
was, and the answer says to ask the hub again.
"""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from core.line.handled_tickets import HandledTickets
from core.line.tickets import QueueEvent, Snapshot, Ticket, WaitBracket


class Applied(enum.Enum):
    """What became of an event.

    Applied; applied, but the line is incomplete and must be asked for again; known already; or not applied, and the
    line must be asked for again.
    """

    APPLIED = "applied"
    INCOMPLETE = "incomplete"
    KNOWN = "known"
    RESYNC = "resync"


class Line:
    """One service's line as this client knows it. It lives: read it again after each change.

    Attributes:
        service: the service's code.
        known: False until a first snapshot came; everything is empty then.
        revision: the latest change that is in it.
        epoch: of the database it was read from.
        open: whether the service takes patients.
        as_of: when the hub took the latest snapshot. stale: whether the hub itself doubted it then.
        estimated_wait: of a patient who would join now.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.known = False
        self.revision = 0
        self.epoch = ""
        self.open = False
        self.as_of: datetime | None = None
        self.stale = False
        self.estimated_wait: WaitBracket | None = None
        self._order: list[Ticket] = []
        self._numbered: tuple[Ticket, ...] | None = None
        self._handled = HandledTickets(service)

    @property
    def waiting_count(self) -> int:
        """How many wait; costs nothing."""
        return len(self._order)

    @property
    def waiting(self) -> tuple[Ticket, ...]:
        """All who wait, in order, with `position` right. Kept until the line changes."""
        if self._numbered is None:
            self._numbered = self.first(len(self._order))
        return self._numbered

    def first(self, count: int) -> tuple[Ticket, ...]:
        """The first `count` who wait, with `position` right: cheap in a long line."""
        if self._numbered is not None:
            return self._numbered[:count]
        # Events move everybody behind them; the numbers are set right only when somebody looks.
        for index, ticket in enumerate(self._order[:count]):
            if ticket.position != index + 1:
                self._order[index] = msgspec.structs.replace(ticket, position=index + 1)
        return tuple(self._order[:count])

    @property
    def consulting(self) -> tuple[Ticket, ...]:
        """At a counter now, the earliest call first."""
        return self._handled.consulting

    @property
    def parked(self) -> tuple[Ticket, ...]:
        """Put aside, in order of joining."""
        return self._handled.parked

    @property
    def recent(self) -> tuple[Ticket, ...]:
        """The last called (at most ten), newest call first, each once, as they are now."""
        return tuple(self.find(ticket.id) or ticket for ticket in self._handled.called)

    @property
    def missed(self) -> tuple[Ticket, ...]:
        """The day's no-shows (at most ten), newest first."""
        return self._handled.missed

    @property
    def incomplete(self) -> bool:
        """Whether `recent` or `missed` is short by somebody forgotten: only a snapshot mends it."""
        return self._handled.incomplete

    def find(self, ticket_id: str) -> Ticket | None:
        """A waiting, consulting, parked, lately called or missed ticket by its id."""
        other = self._handled.find(ticket_id)
        if other is not None and other.status != "waiting":
            return other
        return next((ticket for ticket in self.waiting if ticket.id == ticket_id), None)

    def replace(self, parts: list[Snapshot]) -> None:
        """Holds what the parts of one snapshot say and nothing else."""
        first = parts[0]
        self.known = True
        self.revision, self.epoch, self.open = first.revision, first.epoch, first.open
        self.as_of, self.stale = first.as_of, first.stale
        self.estimated_wait = first.estimated_wait or self.estimated_wait
        self._order = [ticket for part in parts for ticket in part.waiting]
        self._numbered = None
        self._handled.replace(first, self._order)

    def snapshot(self, as_of: datetime, *, stale: bool = False) -> Snapshot:
        """The whole line as one part, whatever its length: what `replace` makes the same line of."""
        return Snapshot(
            service=self.service,
            epoch=self.epoch,
            revision=self.revision,
            open=self.open,
            waiting=self.waiting,
            consulting=self.consulting,
            parked=self.parked,
            recent=self.recent,
            missed=self.missed,
            as_of=as_of,
            stale=stale,
        )

    def apply(self, event: QueueEvent) -> bool:
        """Makes the event's change. False, and nothing is changed, when the event does not fit this line."""
        ticket, leaves, enters = event.ticket, event.from_position, _entrance(event)
        if not self._fits(event, enters):
            return False
        if leaves is not None:
            del self._order[leaves - 1]
        if ticket is not None:
            if enters is not None:
                self._order.insert(enters - 1, ticket)
            self._handled.keep(ticket)
        if event.kind in ("opened", "paused", "closed"):
            self.open = event.kind == "opened"
        self.revision = event.revision
        self._numbered = None
        return True

    def _fits(self, event: QueueEvent, enters: int | None) -> bool:
        order, leaves = self._order, event.from_position
        if leaves is not None:
            if not 0 < leaves <= len(order):
                return False
            if event.ticket is not None and order[leaves - 1].id != event.ticket.id:
                return False
        after = len(order) - (leaves is not None) + (enters is not None)
        return after == event.waiting and (enters is None or 0 < enters <= after)


def _entrance(event: QueueEvent) -> int | None:
    """The place where the event's ticket enters this line; a ticket of another service enters another one."""
    ticket = event.ticket
    return ticket.position if ticket is not None and ticket.service == event.service else None


class LineStore:
    """The lines of one hub, by service.

    Attributes:
        epoch: of the database that the lines were read from; None before the first snapshot.
    """

    def __init__(self) -> None:
        self.epoch: str | None = None
        self._lines: dict[str, Line] = {}
        self._parts: dict[str, list[Snapshot]] = {}
        self._in_doubt: set[str] = set()

    def line(self, service: str) -> Line:
        """The line of a service: always the same object."""
        if service not in self._lines:
            self._lines[service] = Line(service)
        return self._lines[service]

    def since(self) -> dict[str, int]:
        """The revisions to continue from; a line that needs a snapshot is not among them."""
        return {
            code: line.revision
            for code, line in self._lines.items()
            if line.known and line.epoch == self.epoch and not line.incomplete and code not in self._in_doubt
        }

    def apply_event(self, event: QueueEvent) -> Applied:
        """Applies the next event of a line. After RESYNC or INCOMPLETE subscribe again with `since()`."""
        line = self.line(event.service)
        if not line.known or event.service in self._in_doubt:
            return Applied.RESYNC
        if event.revision <= line.revision:
            return Applied.KNOWN
        if event.revision != line.revision + 1:
            return Applied.RESYNC
        if not line.apply(event):
            self._in_doubt.add(event.service)
            return Applied.RESYNC
        return Applied.INCOMPLETE if line.incomplete else Applied.APPLIED

    def apply_snapshot(self, snapshot: Snapshot) -> bool:
        """Takes a snapshot or a part of one. True when the line was replaced, False while parts are to come.

        An older snapshot of the same line, overtaken by events, is no news: False.
        """
        code = snapshot.service
        parts = self._continue(snapshot)
        self._parts[code] = parts
        if snapshot.more:
            return False
        del self._parts[code]
        line = self.line(code)
        overtaken = line.known and line.epoch == snapshot.epoch and snapshot.revision < line.revision
        if overtaken and code not in self._in_doubt:
            return False
        line.replace(parts)
        self.epoch = snapshot.epoch
        self._in_doubt.discard(code)
        return True

    def _continue(self, snapshot: Snapshot) -> list[Snapshot]:
        """The parts held with this one behind them, or this one alone when it begins anew."""
        parts = self._parts.get(snapshot.service, [])
        held = sum(len(part.waiting) for part in parts)
        same = parts and (parts[0].epoch, parts[0].revision) == (snapshot.epoch, snapshot.revision)
        if same and snapshot.waiting and snapshot.waiting[0].position == held + 1:
            return [*parts, snapshot]
        return [snapshot]
