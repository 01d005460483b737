"""The operations on a line, one database call each. The SQL function of the same name documents what it does
(`server/schema/functions`).

Every change takes an `actor` ("user:3", "device:1") and the request's `key`, and refuses `key_conflict`. The database
stores a digest of the parameters with the key. The digest is salted per site, so that a patient's name can't be guessed
from it.

"Refusals" in a docstring lists the `reason` of each HubError that the method raises. Every method raises Unavailable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from core.errors import TicketNotFound, UnknownService
from core.line.tickets import Place, Priority, QueueEvent, Snapshot, Ticket, WhyNext
from core.wire.protocol import encode
from core.wire.results import LineIntegrity
from server.database.calls import Database
from server.operations.turns_at_lines import LineTurns


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An operation's result; an operation sets the members that apply to it.

    Attributes:
        ticket: the ticket after the operation.
        revision: the line's revision made by the operation.
        why: why this ticket was next (`call_next_patient`).
        counter: code of the counter whose state was set.
        service: code of the service whose state was set.
        cancelled: number of tickets cancelled by the daily close.
        consulting: tickets whose consultation the daily close leaves open.
    """

    ticket: Ticket | None = None
    revision: int | None = None
    why: WhyNext | None = None
    counter: str | None = None
    service: str | None = None
    cancelled: int = 0
    consulting: tuple[Ticket, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """An operation's result and the events to push. A repeated key returns the first result and no events."""

    result: Result
    events: tuple[QueueEvent, ...] = ()


class FoundTicket(msgspec.Struct, frozen=True):
    """A ticket and the revision of its service's line."""

    ticket: Ticket
    revision: int


class DayToClose(msgspec.Struct, frozen=True):
    """What the schedule has to close.

    Attributes:
        at: time of the database's clock.
        business_day: the site's business day.
        ended: the last business day that ended and is not closed; None if nothing is due.
    """

    at: datetime
    business_day: date
    ended: date | None


class QueueOperations:
    """The operations of one hub on one database.

    Args:
        salt: the site's salt for request digests; at most 64 bytes are used.
        turns: limits the concurrent operations on one line; None: no limit.
        services_of: counter code -> codes of the services that the counter serves.
    """

    def __init__(
        self,
        database: Database,
        salt: bytes,
        turns: LineTurns | None = None,
        services_of: Callable[[str], Collection[str]] = lambda counter: (),
    ) -> None:
        self._database = database
        self._salt = salt[:64]
        self._turns = turns
        self._services_of = services_of

    async def join_queue(
        self,
        actor: str,
        key: str,
        service: str,
        priority: Priority = "medium",
        patient_name: str | None = None,
        language: str | None = None,
    ) -> Outcome:
        """Issues a ticket. Refusals: unknown_service, service_closed, service_full."""
        arguments = (service, priority, patient_name, language)
        return await self._change("join_queue", actor, key, *arguments, lines=(service,))

    async def call_next_patient(
        self, actor: str, key: str, counter: str, complete: str | None, supervisor: bool
    ) -> Outcome:
        """Completes ticket `complete`, if given, and calls the next patient to a counter.

        Refusals: unknown_counter, counter_taken, counter_closed, counter_busy, not_consulting, queue_empty.
        """
        arguments, lines = (counter, complete, supervisor), self._services_of(counter)
        return await self._change("call_next_patient", actor, key, *arguments, lines=lines)

    async def call_patient(
        self, actor: str, key: str, ticket: str, counter: str, supervisor: bool
    ) -> Outcome:
        """Calls a patient who is waiting, parked or was missed today.

        Refusals: ticket_not_found, not_waiting, unknown_counter, counter_taken, counter_closed, counter_busy.
        """
        return await self._change_ticket("call_patient", actor, key, ticket, counter, supervisor)

    async def recall_patient(self, actor: str, key: str, ticket: str, supervisor: bool) -> Outcome:
        """Calls a patient again. Refusals: ticket_not_found, not_consulting, counter_taken."""
        return await self._change_ticket("recall_patient", actor, key, ticket, supervisor)

    async def finish_consultation(
        self, actor: str, key: str, ticket: str, status: Literal["completed", "no_show"], supervisor: bool
    ) -> Outcome:
        """Ends a consultation. A no-show can move the ticket to the end of the line instead.

        Refusals: ticket_not_found, not_consulting, counter_taken.
        """
        return await self._change_ticket("finish_consultation", actor, key, ticket, status, supervisor)

    async def park_ticket(
        self, actor: str, key: str, ticket: str, reason: str | None, supervisor: bool
    ) -> Outcome:
        """Puts a waiting or consulting patient aside. Refusals: ticket_not_found, not_waiting, counter_taken."""
        return await self._change_ticket("park_ticket", actor, key, ticket, reason, supervisor)

    async def unpark_ticket(self, actor: str, key: str, ticket: str, place: Place) -> Outcome:
        """Puts a parked patient back into the line. Refusals: ticket_not_found, not_waiting."""
        return await self._change_ticket("unpark_ticket", actor, key, ticket, place)

    async def transfer_ticket(
        self, actor: str, key: str, ticket: str, service: str, place: Place, supervisor: bool
    ) -> Outcome:
        """Moves a patient to another line.

        Refusals: ticket_not_found, not_waiting, counter_taken, unknown_service, service_closed.
        """
        arguments = (service, place, supervisor)
        return await self._change_ticket("transfer_ticket", actor, key, ticket, *arguments, also=(service,))

    async def set_ticket_priority(self, actor: str, key: str, ticket: str, priority: Priority) -> Outcome:
        """Sets a priority and moves the ticket to the place that it gives. Refusals: ticket_not_found, not_waiting."""
        return await self._change_ticket("set_ticket_priority", actor, key, ticket, priority)

    async def move_ticket(self, actor: str, key: str, ticket: str, position: int) -> Outcome:
        """Moves a waiting patient to a place, counted from 1. Refusals: ticket_not_found, not_waiting."""
        return await self._change_ticket("move_ticket", actor, key, ticket, position)

    async def cancel_ticket(self, actor: str, key: str, ticket: str, own_only: bool) -> Outcome:
        """Cancels a ticket; with `own_only`, only one that the actor issued. Refusals: ticket_not_found, not_waiting."""
        return await self._change_ticket("cancel_ticket", actor, key, ticket, own_only)

    async def update_ticket(
        self, actor: str, key: str, ticket: str, changes: Mapping[str, str | list[str] | None]
    ) -> Outcome:
        """Writes those of patient_name, note, needs and language that `changes` has. Refusal: ticket_not_found."""
        return await self._change_ticket("update_ticket", actor, key, ticket, encode(changes).decode())

    async def undo_operation(self, actor: str, key: str, operation: str) -> Outcome:
        """Undoes the actor's last operation, whose key was `operation`. Refusal: not_undoable."""
        return await self._change("undo_operation", actor, key, operation)

    async def set_counter_state(
        self, actor: str, key: str, counter: str, state: str, reason: str | None, supervisor: bool
    ) -> Outcome:
        """Opens, pauses or closes a counter. Refusals: unknown_counter, counter_taken, counter_busy."""
        return await self._change("set_counter_state", actor, key, counter, state, reason, supervisor)

    async def set_service_state(
        self,
        actor: str,
        key: str,
        service: str,
        state: Literal["open", "paused", "closed"],
        reason: str | None,
    ) -> Outcome:
        """Opens, pauses or closes a service. Refusal: unknown_service."""
        return await self._change("set_service_state", actor, key, service, state, reason, lines=(service,))

    async def close_day(self, actor: str, key: str, service: str | None) -> Outcome:
        """Cancels the waiting and parked tickets of a service, None for all. Refusal: unknown_service."""
        return await self._change("close_day", actor, key, service, lines=(service,) if service else ())

    async def day_to_close(self) -> DayToClose:
        """Reads which day the schedule has to close, and the database's clock."""
        return msgspec.json.decode(await self._database.call("day_to_close"), type=DayToClose)

    async def close_day_if_due(self, until: date) -> Outcome | None:
        """Closes the days up to `until` that ended; None if none is due. Several hubs may call this concurrently."""
        text = await self._database.call("close_day_if_due", until)
        return msgspec.json.decode(text, type=Outcome | None)

    async def find_ticket(self, ticket: str) -> FoundTicket:
        """Reads one ticket. Refusal: ticket_not_found."""
        text = await self._database.call("find_ticket", ticket)
        found = msgspec.json.decode(text, type=FoundTicket | None)
        if found is None:
            raise TicketNotFound
        return found

    async def whole_line(self, service: str) -> Snapshot:
        """Reads a service's whole line at one revision. Refusal: unknown_service."""
        text = await self._database.call("queue_snapshot", service)
        line = msgspec.json.decode(text, type=Snapshot | None)
        if line is None:
            raise UnknownService(f"There is no service {service}.")
        self._remember_lines(*line.waiting, *line.consulting, *line.parked, *line.missed)
        return line

    async def events_after(self, service: str, revision: int, limit: int) -> tuple[QueueEvent, ...]:
        """Reads at most `limit` events of a service after `revision`, oldest first."""
        text = await self._database.call("events_after", service, revision, limit)
        events = msgspec.json.decode(text, type=tuple[QueueEvent, ...])
        self._remember_lines(*(event.ticket for event in events))
        return events

    async def validate_queue_integrity(self, service: str) -> LineIntegrity:
        """Checks a line for missing and duplicate places. Refusal: unknown_service."""
        text = await self._database.call("line_integrity", service)
        integrity = msgspec.json.decode(text, type=LineIntegrity | None)
        if integrity is None:
            raise UnknownService(f"There is no service {service}.")
        return integrity

    async def _change_ticket(
        self, function: str, actor: str, key: str, ticket: str, *arguments: Any, also: Collection[str] = ()
    ) -> Outcome:
        """Changes one ticket, in a turn at the line where it was last seen and at the lines in `also`."""
        lines = (self._turns.line_of(ticket), *also) if self._turns else ()
        return await self._change(function, actor, key, ticket, *arguments, lines=lines)

    async def _change(
        self, function: str, actor: str, key: str, *arguments: Any, lines: Collection[str] = ()
    ) -> Outcome:
        digest = self._digest(function, arguments)
        async with self._turns.turn(lines) if self._turns else nullcontext():
            text = await self._database.call(function, actor, key, digest, *arguments)
        outcome = msgspec.json.decode(text, type=Outcome)
        self._remember_lines(outcome.result.ticket, *(event.ticket for event in outcome.events))
        return outcome

    def _remember_lines(self, *tickets: Ticket | None) -> None:
        if self._turns:
            self._turns.remember(tickets)

    def _digest(self, function: str, arguments: tuple[Any, ...]) -> bytes:
        return request_digest(self._salt, function, arguments)


def request_digest(salt: bytes, function: str, arguments: tuple[Any, ...]) -> bytes:
    """The digest of a request, stored with its key: another request with the same key has another one."""
    return hashlib.blake2b(encode([function, arguments]), key=salt, digest_size=32).digest()
