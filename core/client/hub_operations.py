"""What can be asked of the hub, by the names of the field. Each raises `HubError` when the hub says no."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from core.errors import NotUndoable
from core.line.tickets import CounterSummary, Place, Priority, ServiceSummary, Snapshot, Ticket
from core.wire.protocol import decode_value
from core.wire.results import (
    CallNextResult,
    CounterList,
    CounterResult,
    DayClosed,
    LineIntegrity,
    ServiceList,
    ServiceResult,
    SnapshotResult,
    TicketResult,
    UndoResult,
)
from core.wire.system_health import SystemHealth


class HubOperations(abc.ABC):
    """The methods of protocol.md over any way to ask."""

    @property
    @abc.abstractmethod
    def last_operation(self) -> str | None:
        """The key of this client's last change that the hub made; None before the first."""

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
        return decode_value(await self.request_raw("services.list"), ServiceList).services

    async def list_counters(self) -> tuple[CounterSummary, ...]:
        """All counters; not for kiosks."""
        return decode_value(await self.request_raw("counters.list"), CounterList).counters

    async def snapshot(self, service: str, after: int | None = None) -> Snapshot:
        """A service's line: at most 500 waiting behind the place `after`; `more` says how many follow."""
        params = {"service": service} if after is None else {"service": service, "after": after}
        return decode_value(await self.request_raw("queue.snapshot", params), SnapshotResult).snapshot

    async def get_ticket(self, ticket_id: str) -> Ticket:
        """One ticket as it is now, with its exact estimate."""
        result = await self.request_raw("tickets.get", {"ticket": ticket_id})
        return decode_value(result, TicketResult).ticket

    async def join_queue(
        self,
        service: str,
        priority: Priority | None = None,
        patient_name: str | None = None,
        language: str | None = None,
    ) -> Ticket:
        """A new ticket at the end of the line, or of its priority's part of it."""
        params = _said(service=service, priority=priority, patient_name=patient_name, language=language)
        return await self._change_ticket("tickets.join", params)

    async def update_ticket(
        self,
        ticket_id: str,
        *,
        patient_name: str | UnsetType | None = UNSET,
        note: str | UnsetType | None = UNSET,
        needs: Sequence[str] | UnsetType | None = UNSET,
        language: str | UnsetType | None = UNSET,
    ) -> Ticket:
        """Writes what is given and leaves the rest; None clears."""
        params = {"patient_name": patient_name, "note": note, "needs": needs, "language": language}
        given = {name: value for name, value in params.items() if value is not UNSET}
        return await self._change_ticket("tickets.update", {"ticket": ticket_id, **given})

    async def call_next_patient(self, counter: str, complete: str | None = None) -> CallNextResult:
        """Calls whoever is next for this counter; first completes the ticket `complete`, open there."""
        params = _said(counter=counter, complete=complete)
        return decode_value(await self.request_raw("queue.call_next", params, keyed=True), CallNextResult)

    async def call_patient(self, ticket_id: str, counter: str) -> Ticket:
        """Calls this patient: one who waits wherever in line, is parked, or was missed today."""
        return await self._change_ticket("queue.call", {"ticket": ticket_id, "counter": counter})

    async def recall(self, ticket_id: str) -> Ticket:
        """Calls the patient at the counter once more."""
        return await self._change_ticket("queue.recall", {"ticket": ticket_id})

    async def complete(self, ticket_id: str) -> Ticket:
        """The patient was served."""
        return await self._change_ticket("queue.complete", {"ticket": ticket_id})

    async def no_show(self, ticket_id: str) -> Ticket:
        """The patient was called and never came: off, or, before as many calls as the service grants, last in line."""
        return await self._change_ticket("queue.no_show", {"ticket": ticket_id})

    async def park(self, ticket_id: str, reason: str | None = None) -> Ticket:
        """Puts a patient aside who waits or is at a counter; only staff see the reason."""
        return await self._change_ticket("queue.park", _said(ticket=ticket_id, reason=reason))

    async def unpark(self, ticket_id: str, place: Place = "arrival") -> Ticket:
        """The parked patient waits again."""
        return await self._change_ticket("queue.unpark", {"ticket": ticket_id, "place": place})

    async def transfer(self, ticket_id: str, service: str, place: Place = "arrival") -> Ticket:
        """The patient waits for another service, with the same number."""
        params = {"ticket": ticket_id, "service": service, "place": place}
        return await self._change_ticket("queue.transfer", params)

    async def set_priority(self, ticket_id: str, priority: Priority) -> Ticket:
        """Gives another priority, and the place that belongs to it."""
        return await self._change_ticket("queue.set_priority", {"ticket": ticket_id, "priority": priority})

    async def move(self, ticket_id: str, position: int) -> Ticket:
        """Puts a patient at a place in line, from 1; behind the end is the end."""
        return await self._change_ticket("queue.move", {"ticket": ticket_id, "position": position})

    async def undo(self, operation: str | None = None) -> Ticket | None:
        """Takes back the operation of that key, by default this client's last one.

        Raises NotUndoable after ten seconds, when something happened to its ticket since, or when there is none.
        """
        operation = operation or self.last_operation
        if operation is None:
            raise NotUndoable("There is nothing to take back.")
        result = await self.request_raw("queue.undo", {"operation": operation}, keyed=True)
        return decode_value(result, UndoResult).ticket

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

    async def open_service(self, code: str) -> ServiceSummary:
        """Patients can join, in its hours."""
        return await self._change_service("services.open", code)

    async def pause_service(self, code: str, reason: str | None = None) -> ServiceSummary:
        """Nobody joins for a while; who waits is called."""
        return await self._change_service("services.pause", code, reason)

    async def close_service(self, code: str, reason: str | None = None) -> ServiceSummary:
        """Nobody joins until somebody opens it again; who waits is called."""
        return await self._change_service("services.close", code, reason)

    async def close_day(self, service: str | None = None) -> DayClosed:
        """Cancels who still waits or is parked, of one service or all, and leaves consultations open."""
        result = await self.request_raw("services.close_day", _said(service=service), keyed=True)
        return decode_value(result, DayClosed)

    async def validate_queue_integrity(self, service: str) -> LineIntegrity:
        """Whether a line has gaps or doubles."""
        result = await self.request_raw("queue.validate_integrity", {"service": service})
        return decode_value(result, LineIntegrity)

    async def system_health(self) -> SystemHealth:
        """How the hub is, in words and figures; for supervisors."""
        return decode_value(await self.request_raw("system.health"), SystemHealth)

    async def discover(self) -> dict[str, Any]:
        """The hub's OpenRPC document: every method, as JSON values."""
        return cast(dict[str, Any], await self.request("rpc.discover"))

    async def _change_ticket(self, method: str, params: Mapping[str, Any]) -> Ticket:
        return decode_value(await self.request_raw(method, params, keyed=True), TicketResult).ticket

    async def _change_counter(self, method: str, code: str, reason: str | None = None) -> CounterSummary:
        params = _said(counter=code, reason=reason)
        return decode_value(await self.request_raw(method, params, keyed=True), CounterResult).counter

    async def _change_service(self, method: str, code: str, reason: str | None = None) -> ServiceSummary:
        params = _said(service=code, reason=reason)
        return decode_value(await self.request_raw(method, params, keyed=True), ServiceResult).service


def _said(**params: Any) -> dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in params.items() if value is not None}
