"""Replica of the lines: snapshots and events in, the contents of a line out. Pure.

It keeps the promise of docs/clients.md ("Following lines"): every revision of a line is applied once and in order, or
a snapshot replaces the missing ones. An event that does not fit is not applied: the line stays unchanged, and the
result says to subscribe again.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from datetime import datetime

import msgspec

from core.line.handled_tickets import HandledTickets
from core.line.queue_rules import rank
from core.line.tickets import QueueEvent, Snapshot, Ticket, WaitBracket


class Applied(enum.Enum):
    """Result of applying an event.

    APPLIED: the line is up to date. INCOMPLETE: applied, but a list lacks a ticket: subscribe again.
    KNOWN: applied before, dropped. RESYNC: not applied: subscribe again.
    """

    APPLIED = "applied"
    INCOMPLETE = "incomplete"
    KNOWN = "known"
    RESYNC = "resync"


class Line:
    """One service's line. The object changes with each event: read its attributes again after each change.

    Attributes:
        service: code of the service.
        known: False until the first snapshot; the line is empty until then.
        revision: latest change applied.
        epoch: epoch of the database that the line was read from.
        open: whether the service takes patients.
        as_of: when the hub took the latest snapshot. stale: whether the hub could not reach its database then.
        estimated_wait: of a patient who joins now.
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
        """Waiting tickets in order; their `position` may be out of date."""
        self._numbered: tuple[Ticket, ...] | None = None
        """Cache of `waiting`; None after a change."""
        self._handled = HandledTickets(service)

    @property
    def waiting_count(self) -> int:
        """Number of waiting tickets; cheaper than `len(waiting)`."""
        return len(self._order)

    @property
    def waiting(self) -> tuple[Ticket, ...]:
        """All waiting tickets in order, with correct `position`. Cached until the line changes."""
        if self._numbered is None:
            self._numbered = self.first(len(self._order))
        return self._numbered

    def up_to(self, bound: tuple[int, datetime]) -> int:
        """Number of waiting tickets whose rank is at most `bound`. A binary search: the line is sorted by rank."""
        return bisect_right(self._order, bound, key=rank)

    def first(self, count: int) -> tuple[Ticket, ...]:
        """Returns the first `count` waiting tickets, with correct `position`: cheap in a long line."""
        if self._numbered is not None:
            return self._numbered[:count]
        # An event shifts all tickets behind it. Their positions are corrected here, on read, not at each event.
        for index, ticket in enumerate(self._order[:count]):
            if ticket.position != index + 1:
                self._order[index] = msgspec.structs.replace(ticket, position=index + 1)
        return tuple(self._order[:count])

    @property
    def consulting(self) -> tuple[Ticket, ...]:
        """Tickets at a counter now, the earliest call first."""
        return self._handled.consulting

    @property
    def parked(self) -> tuple[Ticket, ...]:
        """Parked tickets, in order of joining."""
        return self._handled.parked

    @property
    def recent(self) -> tuple[Ticket, ...]:
        """The latest called tickets (at most ten) in their present state, each once, latest call first."""
        return tuple(self.find(ticket.id) or ticket for ticket in self._handled.called)

    @property
    def missed(self) -> tuple[Ticket, ...]:
        """The day's latest no-shows (at most ten), latest first."""
        return self._handled.missed

    @property
    def incomplete(self) -> bool:
        """Whether `recent` or `missed` lacks a dropped ticket; only a snapshot completes them."""
        return self._handled.incomplete

    def find(self, ticket_id: str) -> Ticket | None:
        """Returns a waiting, consulting, parked, lately called or missed ticket by its id."""
        handled = self._handled.find(ticket_id)
        if handled is not None and handled.status != "waiting":
            return handled
        return next((ticket for ticket in self.waiting if ticket.id == ticket_id), None)

    def replace(self, parts: list[Snapshot]) -> None:
        """Replaces the line by the parts of one snapshot."""
        first = parts[0]
        self.known = True
        self.revision, self.epoch, self.open = first.revision, first.epoch, first.open
        self.as_of, self.stale = first.as_of, first.stale
        self.estimated_wait = first.estimated_wait or self.estimated_wait
        self._order = [ticket for part in parts for ticket in part.waiting]
        self._numbered = None
        self._handled.replace(first, self._order)

    def snapshot(self, as_of: datetime, *, stale: bool = False) -> Snapshot:
        """Returns the whole line as one part of any length; `replace` makes the same line from it."""
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
        """Applies an event. Returns False, with the line unchanged, when the event does not fit."""
        ticket, leaves, enters = event.ticket, event.from_position, _entry_position(event)
        if not self._fits(event, enters):
            return False
        if leaves is not None:
            del self._order[leaves - 1]
        if ticket is not None:
            if enters is not None:
                self._order.insert(enters - 1, ticket)
            self._handled.store(ticket)
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


def _entry_position(event: QueueEvent) -> int | None:
    """The place at which the event's ticket enters this line; None when it waits in another line or not at all."""
    ticket = event.ticket
    return ticket.position if ticket is not None and ticket.service == event.service else None


class LineStore:
    """The lines of one hub, by service.

    Attributes:
        epoch: epoch of the database that the lines were read from; None before the first snapshot.
    """

    def __init__(self) -> None:
        self.epoch: str | None = None
        self._lines: dict[str, Line] = {}
        self._parts: dict[str, list[Snapshot]] = {}
        """Parts of a snapshot whose last part is still missing, by service."""
        self._in_doubt: set[str] = set()
        """Services with a line that an event did not fit; a snapshot replaces it."""

    def line(self, service: str) -> Line:
        """Returns the line of a service: always the same object."""
        if service not in self._lines:
            self._lines[service] = Line(service)
        return self._lines[service]

    def since(self) -> dict[str, int]:
        """Returns the revisions to continue from, by service, without the lines that need a snapshot."""
        return {
            code: line.revision
            for code, line in self._lines.items()
            if line.known and line.epoch == self.epoch and not line.incomplete and code not in self._in_doubt
        }

    def apply_event(self, event: QueueEvent) -> Applied:
        """Applies an event to its line. After RESYNC or INCOMPLETE, subscribe again with `since()`."""
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
        """Takes a snapshot, or a part of one. Returns True when it replaced the line, False while parts are missing.

        A snapshot that events have overtaken, older than the line, is dropped: False.
        """
        code = snapshot.service
        parts = self._with_earlier_parts(snapshot)
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

    def _with_earlier_parts(self, snapshot: Snapshot) -> list[Snapshot]:
        """Returns the parts held followed by `snapshot`, or `snapshot` alone when it does not continue them."""
        parts = self._parts.get(snapshot.service, [])
        held = sum(len(part.waiting) for part in parts)
        same = parts and (parts[0].epoch, parts[0].revision) == (snapshot.epoch, snapshot.revision)
        if same and snapshot.waiting and snapshot.waiting[0].position == held + 1:
            return [*parts, snapshot]
        return [snapshot]
