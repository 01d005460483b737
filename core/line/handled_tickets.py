"""Those of a line who do not only wait: at a counter, parked, lately called, missed. Pure.

Of the called and of the missed only the latest ten are told, and little more is remembered. So one who leaves such a
list (undone, transferred, a missed patient called after all) may leave a place to somebody who was forgotten; then the
lists say that they are `incomplete`, and only a snapshot mends them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from core.line.tickets import Snapshot, Ticket

RECENT = 10
"""How many of the last called, and of the missed, are told."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class HandledTickets:
    """One line's.

    Attributes:
        incomplete: whether a list of the latest is short by one who was forgotten.
    """

    def __init__(self, service: str) -> None:
        self.incomplete = False
        self._service = service
        self._tickets: dict[str, Ticket] = {}
        """By id. The called are among them even while they wait again."""
        self._forget_at = 5 * RECENT
        self._business_day = ""
        self._called_since = self._missed_since = _NEVER
        """Only from then on all who were called, or missed, are among them: an undo may bring back an older time."""

    @property
    def consulting(self) -> tuple[Ticket, ...]:
        """At a counter now, the earliest call first."""
        return self._select(lambda ticket: ticket.status == "consulting", _called)

    @property
    def parked(self) -> tuple[Ticket, ...]:
        """Put aside, in order of joining."""
        return self._select(lambda ticket: ticket.status == "parked", _joined)

    @property
    def called(self) -> tuple[Ticket, ...]:
        """The last called (at most ten), newest call first."""
        return self._select(self._was_called, _called)[::-1][:RECENT]

    @property
    def missed(self) -> tuple[Ticket, ...]:
        """The day's no-shows (at most ten), newest first."""
        return self._select(self._is_missed, _ended)[::-1][:RECENT]

    def find(self, ticket_id: str) -> Ticket | None:
        """One of them by its id."""
        return self._tickets.get(ticket_id)

    def replace(self, first: Snapshot, waiting: list[Ticket]) -> None:
        """Holds what the first part of a snapshot says and nothing else; `waiting` tells the business day."""
        everyone = (*first.missed, *first.recent, *first.parked, *first.consulting)
        self._tickets = {ticket.id: ticket for ticket in everyone}
        self._business_day = max((ticket.business_day for ticket in (*waiting, *everyone)), default="")
        self._called_since = self._missed_since = _NEVER
        self._remember_since(first.recent, first.missed)
        self.incomplete = False

    def keep(self, ticket: Ticket) -> None:
        """Takes a ticket of the line as an event left it."""
        if ticket.business_day > self._business_day:
            self._business_day = ticket.business_day
            self._missed_since = _NEVER  # Nobody of a new day is forgotten yet.
        before = self._tickets.pop(ticket.id, None)
        never_called = ticket.called_at is None and ticket.status in ("waiting", "cancelled")
        if not never_called and ticket.service == self._service:
            self._tickets[ticket.id] = ticket
        if before is not None and not self.incomplete:
            self.incomplete = self._misses_one_for(before)
        if len(self._tickets) > self._forget_at:
            self._forget_old()

    def _misses_one_for(self, before: Ticket) -> bool:
        """Whether a ticket that was `before` left a list in which somebody forgotten now has a place."""
        after = self._tickets.get(before.id)

        def left(is_in: Callable[[Ticket], bool]) -> bool:
            return is_in(before) and (after is None or not is_in(after))

        return (self._called_since > _NEVER and left(self._was_called) and len(self.called) < RECENT) or (
            self._missed_since > _NEVER and left(self._is_missed) and len(self.missed) < RECENT
        )

    def _forget_old(self) -> None:
        called, missed = self.called, self.missed
        self._remember_since(called, missed)
        kept = {ticket.id for ticket in (*self.consulting, *self.parked, *called, *missed)}
        self._tickets = {key: ticket for key, ticket in self._tickets.items() if key in kept}
        self._forget_at = 2 * len(kept) + 5 * RECENT

    def _remember_since(self, called: tuple[Ticket, ...], missed: tuple[Ticket, ...]) -> None:
        """Of the called and missed only the last are held from now on."""
        if len(called) >= RECENT:
            self._called_since = max(self._called_since, _called(called[-1])[0])
        if len(missed) >= RECENT:
            self._missed_since = max(self._missed_since, _ended(missed[-1])[0])

    def _was_called(self, ticket: Ticket) -> bool:
        return ticket.called_at is not None and ticket.called_at >= self._called_since

    def _is_missed(self, ticket: Ticket) -> bool:
        today = ticket.status == "no_show" and ticket.business_day == self._business_day
        return today and _ended(ticket)[0] >= self._missed_since

    def _select(
        self, wanted: Callable[[Ticket], bool], key: Callable[[Ticket], tuple[datetime, str]]
    ) -> tuple[Ticket, ...]:
        return tuple(sorted(filter(wanted, self._tickets.values()), key=key))


def _called(ticket: Ticket) -> tuple[datetime, str]:
    return ticket.called_at or _NEVER, ticket.id


def _joined(ticket: Ticket) -> tuple[datetime, str]:
    return ticket.joined_at, ticket.id


def _ended(ticket: Ticket) -> tuple[datetime, str]:
    return ticket.ended_at or _NEVER, ticket.id
