"""A replica of the lines: snapshots and events in, what a window shows out. Pure."""

from __future__ import annotations

from datetime import datetime

from core.tickets import Ticket, WaitBracket


class Line:
    """One service's line as this client knows it. It lives: read it again after each `line_changed`.

    Attributes:
        service: the service's code.
        known: False until a first snapshot came; everything is empty then.
        revision: the latest change that is in it.
        epoch: of the database it was read from.
        open: whether the service takes patients.
        as_of: when the hub took the latest snapshot. stale: whether the hub itself doubted it then.
        estimated_wait: of a patient who would join now.
    """

    service: str
    known: bool
    revision: int
    epoch: str
    open: bool
    as_of: datetime | None
    stale: bool
    estimated_wait: WaitBracket | None

    @property
    def waiting_count(self) -> int:
        """How many wait; costs nothing."""
        raise NotImplementedError

    @property
    def waiting(self) -> tuple[Ticket, ...]:
        """All who wait, in order, with `position` right. Kept until the line changes."""
        raise NotImplementedError

    def first(self, count: int) -> tuple[Ticket, ...]:
        """The first `count` who wait, with `position` right: cheap in a long line."""
        raise NotImplementedError

    @property
    def consulting(self) -> tuple[Ticket, ...]:
        """At a counter now, the longest there first."""
        raise NotImplementedError

    @property
    def parked(self) -> tuple[Ticket, ...]:
        """Put aside, in order of joining."""
        raise NotImplementedError

    @property
    def recent(self) -> tuple[Ticket, ...]:
        """The last called (at most ten), newest call first, each once, as they are now."""
        raise NotImplementedError

    @property
    def missed(self) -> tuple[Ticket, ...]:
        """The day's no-shows (at most ten), newest first."""
        raise NotImplementedError

    def find(self, ticket_id: str) -> Ticket | None:
        """A waiting, consulting or parked ticket by its id."""
        raise NotImplementedError
