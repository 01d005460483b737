"""The operations on a line, one database call each; what each promises is written at its SQL function
(`migrations/sql/0003_operations.sql`).

Every changing call takes the acting principal ("user:3", "device:1") and the request's key. The key's digest is salted
per site, so that a stored request tells nothing about the name it may have carried.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from core.errors import TicketNotFound, UnknownService
from core.protocol import encode
from core.tickets import Priority, QueueEvent, Snapshot, Ticket
from server.database import Database


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation answers: the ticket after it, the revision it made, and for a call why this ticket."""

    ticket: Ticket | None = None
    revision: int | None = None
    why: dict[str, Any] | None = None
    counter: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """An operation's result and the events to push; a repeated request has its first result and no events."""

    result: Result
    events: tuple[QueueEvent, ...] = ()


class FoundTicket(msgspec.Struct, frozen=True):
    """A ticket and its service's revision."""

    ticket: Ticket
    revision: int


class Integrity(msgspec.Struct, frozen=True):
    """What is wrong with a line's places, from 1; two empty lists: nothing."""

    service: str
    missing_positions: tuple[int, ...]
    duplicate_positions: tuple[int, ...]
    max_position: int


class QueueOperations:
    """The operations of one hub on one database; `salt` is the site's."""

    def __init__(self, database: Database, salt: bytes) -> None:
        self._database = database
        self._salt = salt[:64]

    async def join_queue(
        self,
        actor: str,
        key: str,
        service: str,
        priority: Priority = "medium",
        patient_name: str | None = None,
    ) -> Outcome:
        """Issues a ticket. Refusals: unknown_service, service_closed, key_conflict."""
        return await self._change("join_queue", actor, key, service, priority, patient_name)

    async def call_next_patient(
        self, actor: str, key: str, counter: str, complete: str | None, supervisor: bool
    ) -> Outcome:
        """Calls the next patient to a counter, completing `complete` first.

        Refusals: unknown_counter, counter_taken, counter_closed, counter_busy, not_consulting, queue_empty, key_conflict.
        """
        return await self._change("call_next_patient", actor, key, counter, complete, supervisor)

    async def finish_consultation(self, actor: str, key: str, ticket: str, status: str) -> Outcome:
        """Ends a consultation as "completed" or "no_show". Refusals: ticket_not_found, not_consulting, key_conflict."""
        return await self._change("finish_consultation", actor, key, ticket, status)

    async def recall_patient(self, actor: str, key: str, ticket: str) -> Outcome:
        """Calls once more. Refusals: ticket_not_found, not_consulting, key_conflict."""
        return await self._change("recall_patient", actor, key, ticket)

    async def cancel_ticket(self, actor: str, key: str, ticket: str, own_only: bool) -> Outcome:
        """Takes a ticket out. Refusals: ticket_not_found, not_waiting, key_conflict."""
        return await self._change("cancel_ticket", actor, key, ticket, own_only)

    async def set_counter_state(
        self, actor: str, key: str, counter: str, state: str, reason: str | None, supervisor: bool
    ) -> Outcome:
        """Opens, pauses or closes a counter. Refusals: unknown_counter, counter_taken, counter_busy, key_conflict."""
        return await self._change("set_counter_state", actor, key, counter, state, reason, supervisor)

    async def find_ticket(self, ticket: str) -> FoundTicket:
        """Reads one ticket. Refusal: ticket_not_found."""
        text = await self._database.call("find_ticket", ticket)
        found = msgspec.json.decode(text, type=FoundTicket | None)
        if found is None:
            raise TicketNotFound
        return found

    async def whole_line(self, service: str) -> Snapshot:
        """A service's whole line at one revision. Refusal: unknown_service."""
        text = await self._database.call("queue_snapshot", service)
        found = msgspec.json.decode(text, type=Snapshot | None)
        if found is None:
            raise UnknownService(f"There is no service {service}.")
        return found

    async def events_after(self, service: str, revision: int, limit: int) -> tuple[QueueEvent, ...]:
        """A service's events behind `revision`, oldest first."""
        text = await self._database.call("events_after", service, revision, limit)
        return msgspec.json.decode(text, type=tuple[QueueEvent, ...])

    async def validate_queue_integrity(self, service: str) -> Integrity:
        """Checks a line's places. Refusal: unknown_service."""
        text = await self._database.call("line_integrity", service)
        found = msgspec.json.decode(text, type=Integrity | None)
        if found is None:
            raise UnknownService(f"There is no service {service}.")
        return found

    async def _change(self, function: str, actor: str, key: str, *arguments: Any) -> Outcome:
        text = await self._database.call(function, actor, key, self._digest(function, arguments), *arguments)
        return msgspec.json.decode(text, type=Outcome)

    def _digest(self, function: str, arguments: tuple[Any, ...]) -> bytes:
        return hashlib.blake2b(encode([function, arguments]), key=self._salt, digest_size=32).digest()
