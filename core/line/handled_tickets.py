"""Tickets of one line that are consulting, parked, lately called or missed. Pure.

Of the called and of the missed tickets only the latest ten are listed, and few more are stored. When a ticket leaves
such a list (undone, transferred, a missed patient called after all), the ticket that moves up may have been dropped
already. The lists are then `incomplete`, and only a snapshot completes them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from core.line.tickets import Snapshot, Ticket

RECENT = 10
"""Length of the lists of called and of missed tickets."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class HandledTickets:
    """The consulting, parked, lately called and missed tickets of one line.

    Attributes:
        incomplete: whether `called` or `missed` lacks a ticket that was dropped.
    """

    def __init__(self, service: str) -> None:
        self.incomplete = False
        self._service = service
        self._tickets: dict[str, Ticket] = {}
        """By id. A called ticket stays here even while it waits again."""
        self._prune_at = 5 * RECENT
        self._business_day = ""
        self._called_since = self._missed_since = _NEVER
        """Tickets called (missed) before this may have been dropped: `called` and `missed` omit them all, since an undo
        brings back single ones."""

    @property
    def consulting(self) -> tuple[Ticket, ...]:
        """Tickets at a counter now, the earliest call first."""
        return self._select(lambda ticket: ticket.status == "consulting", _called)

    @property
    def parked(self) -> tuple[Ticket, ...]:
        """Parked tickets, in order of joining."""
        return self._select(lambda ticket: ticket.status == "parked", _joined)

    @property
    def called(self) -> tuple[Ticket, ...]:
        """The latest called tickets (at most ten), latest call first."""
        return self._select(self._was_called, _called)[::-1][:RECENT]

    @property
    def missed(self) -> tuple[Ticket, ...]:
        """The day's latest no-shows (at most ten), latest first."""
        return self._select(self._is_missed, _ended)[::-1][:RECENT]

    def find(self, ticket_id: str) -> Ticket | None:
        """The ticket of that id; None when it is not stored here."""
        return self._tickets.get(ticket_id)

    def replace(self, first: Snapshot, waiting: list[Ticket]) -> None:
        """Replaces all tickets by those of a snapshot's first part; `waiting` counts for the business day only."""
        handled = (*first.missed, *first.recent, *first.parked, *first.consulting)
        self._tickets = {ticket.id: ticket for ticket in handled}
        self._business_day = max((ticket.business_day for ticket in (*waiting, *handled)), default="")
        self._called_since = self._missed_since = _NEVER
        self._set_cutoffs(first.recent, first.missed)
        self.incomplete = False

    def store(self, ticket: Ticket) -> None:
        """Stores a ticket of the line in its state after an event."""
        if ticket.business_day > self._business_day:
            self._business_day = ticket.business_day
            self._missed_since = _NEVER  # No no-show of the new day has been dropped yet.
        before = self._tickets.pop(ticket.id, None)
        never_called = ticket.called_at is None and ticket.status in ("waiting", "cancelled")
        if not never_called and ticket.service == self._service:
            self._tickets[ticket.id] = ticket
        if before is not None and not self.incomplete:
            self.incomplete = self._leaves_gap(before)
        if len(self._tickets) > self._prune_at:
            self._prune()

    def _leaves_gap(self, before: Ticket) -> bool:
        """Whether the ticket that was `before` left a list into which a dropped ticket should move up."""
        after = self._tickets.get(before.id)

        def left(is_in: Callable[[Ticket], bool]) -> bool:
            return is_in(before) and (after is None or not is_in(after))

        return (self._called_since > _NEVER and left(self._was_called) and len(self.called) < RECENT) or (
            self._missed_since > _NEVER and left(self._is_missed) and len(self.missed) < RECENT
        )

    def _prune(self) -> None:
        called, missed = self.called, self.missed
        self._set_cutoffs(called, missed)
        kept = {ticket.id for ticket in (*self.consulting, *self.parked, *called, *missed)}
        self._tickets = {key: ticket for key, ticket in self._tickets.items() if key in kept}
        self._prune_at = 2 * len(kept) + 5 * RECENT

    def _set_cutoffs(self, called: tuple[Ticket, ...], missed: tuple[Ticket, ...]) -> None:
        """Notes that of the called and missed tickets only these latest are stored from now on."""
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
