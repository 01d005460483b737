"""What can be asked of the hub, by the names of the field. Each raises `HubError` when the hub says no."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import msgspec

from core.protocol import decode_value
from core.tickets import CounterSummary, Priority, ServiceSummary, Snapshot, Ticket


class CallResult(msgspec.Struct, frozen=True):
    """Who is called. `ticket` is None when, after completing one, nobody waits.

    Attributes:
        why: why this ticket is next, e.g. {"rule", "priority", "waited": seconds}.
        revision: of the ticket's line, made by this call.
    """

    ticket: Ticket | None = None
    why: dict[str, Any] | None = None
    revision: int | None = None


class IntegrityReport(msgspec.Struct, frozen=True):
    """What is wrong with the places (from 1) of a line: both lists empty when nothing is."""

    service: str
    missing_positions: tuple[int, ...]
    duplicate_positions: tuple[int, ...]
    max_position: int

    @property
    def sound(self) -> bool:
        """Whether every place is taken exactly once."""
        return not self.missing_positions and not self.duplicate_positions


class _TicketResult(msgspec.Struct, frozen=True):
    ticket: Ticket


class _CounterResult(msgspec.Struct, frozen=True):
    counter: CounterSummary


class _ServicesResult(msgspec.Struct, frozen=True):
    services: tuple[ServiceSummary, ...]


class _CountersResult(msgspec.Struct, frozen=True):
    counters: tuple[CounterSummary, ...]


class _SnapshotResult(msgspec.Struct, frozen=True):
    snapshot: Snapshot


class HubOperations(abc.ABC):
    """The methods of protocol.md over any way to ask."""

    @abc.abstractmethod
    async def request_raw(
        self, method: str, params: Mapping[str, Any] | None = None, *, keyed: bool = False
    ) -> msgspec.Raw:
        """The answer to any method, undecoded; `keyed` for whatever changes something."""

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, keyed: bool = False
    ) -> Any:
        """The answer to any method as plain JSON values."""
        return msgspec.json.decode(await self.request_raw(method, params, keyed=keyed))

    async def list_services(self) -> tuple[ServiceSummary, ...]:
        """All services in their order."""
        return decode_value(await self.request_raw("services.list"), _ServicesResult).services

    async def list_counters(self) -> tuple[CounterSummary, ...]:
        """All counters; not for kiosks."""
        return decode_value(await self.request_raw("counters.list"), _CountersResult).counters

    async def snapshot(self, service: str, after: int | None = None) -> Snapshot:
        """A service's line: at most 500 waiting behind the place `after`; `more` says how many follow."""
        params = {"service": service} if after is None else {"service": service, "after": after}
        return decode_value(await self.request_raw("queue.snapshot", params), _SnapshotResult).snapshot

    async def get_ticket(self, ticket_id: str) -> Ticket:
        """One ticket as it is now, with its exact estimate."""
        result = await self.request_raw("tickets.get", {"ticket": ticket_id})
        return decode_value(result, _TicketResult).ticket

    async def join_queue(
        self, service: str, priority: Priority | None = None, patient_name: str | None = None
    ) -> Ticket:
        """A new ticket at the end of the line, or of its priority's part of it."""
        params = {"service": service, "priority": priority, "patient_name": patient_name}
        said = {name: value for name, value in params.items() if value is not None}
        return await self._change_ticket("tickets.join", said)

    async def call_next_patient(self, counter: str, complete: str | None = None) -> CallResult:
        """Calls whoever is next for this counter; first completes the ticket `complete`, open there."""
        params = {"counter": counter} if complete is None else {"counter": counter, "complete": complete}
        return decode_value(await self.request_raw("queue.call_next", params, keyed=True), CallResult)

    async def recall(self, ticket_id: str) -> Ticket:
        """Calls the patient at the counter once more."""
        return await self._change_ticket("queue.recall", {"ticket": ticket_id})

    async def complete(self, ticket_id: str) -> Ticket:
        """The patient was served."""
        return await self._change_ticket("queue.complete", {"ticket": ticket_id})

    async def no_show(self, ticket_id: str) -> Ticket:
        """The patient was called and never came."""
        return await self._change_ticket("queue.no_show", {"ticket": ticket_id})

    async def cancel(self, ticket_id: str) -> Ticket:
        """The waiting or parked patient leaves."""
        return await self._change_ticket("tickets.cancel", {"ticket": ticket_id})

    async def open_counter(self, code: str) -> CounterSummary:
        """The caller works there now."""
        return await self._change_counter("counters.open", code)

    async def pause_counter(self, code: str, reason: str | None = None) -> CounterSummary:
        """Nobody is called there for a while."""
        return await self._change_counter("counters.pause", code, reason)

    async def close_counter(self, code: str, reason: str | None = None) -> CounterSummary:
        """The caller leaves it; refused while a patient is there."""
        return await self._change_counter("counters.close", code, reason)

    async def validate_queue_integrity(self, service: str) -> IntegrityReport:
        """Whether a line has gaps or doubles."""
        result = await self.request_raw("queue.validate_integrity", {"service": service})
        return decode_value(result, IntegrityReport)

    async def _change_ticket(self, method: str, params: Mapping[str, Any]) -> Ticket:
        return decode_value(await self.request_raw(method, params, keyed=True), _TicketResult).ticket

    async def _change_counter(self, method: str, code: str, reason: str | None = None) -> CounterSummary:
        params = {"counter": code} if reason is None else {"counter": code, "reason": reason}
        return decode_value(await self.request_raw(method, params, keyed=True), _CounterResult).counter
