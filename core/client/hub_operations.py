"""Methods of the hub as coroutines, named in the words of a clinic. Each raises `HubError` when the hub refuses."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from core.client.administration_operations import AdministrationOperations
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


class HubOperations(AdministrationOperations):
    """The methods of docs/openrpc.json, over an abstract `request_raw`."""

    @property
    @abc.abstractmethod
    def last_operation(self) -> str | None:
        """Key of this client's last change that succeeded; None before the first."""

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, keyed: bool = False
    ) -> Any:
        """Sends any method; returns its result as plain JSON values."""
        return msgspec.json.decode(await self.request_raw(method, params, keyed=keyed))

    async def list_services(self) -> tuple[ServiceSummary, ...]:
        """Returns all services in their order."""
        return decode_value(await self.request_raw("services.list"), ServiceList).services

    async def list_counters(self) -> tuple[CounterSummary, ...]:
        """Returns all counters in their order; forbidden to kiosks."""
        return decode_value(await self.request_raw("counters.list"), CounterList).counters

    async def snapshot(self, service: str, after: int | None = None) -> Snapshot:
        """Returns a service's line, with at most 500 waiting tickets behind place `after`; `more` counts the rest."""
        params = {"service": service} if after is None else {"service": service, "after": after}
        return decode_value(await self.request_raw("queue.snapshot", params), SnapshotResult).snapshot

    async def get_ticket(self, ticket_id: str) -> Ticket:
        """Returns a ticket as it is now, with its exact estimate."""
        result = await self.request_raw("tickets.get", {"ticket": ticket_id})
        return decode_value(result, TicketResult).ticket

    async def join_queue(
        self,
        service: str,
        priority: Priority | None = None,
        patient_name: str | None = None,
        language: str | None = None,
    ) -> Ticket:
        """Creates a ticket at the end of the line, or at the end of its priority's part of the line."""
        params = _without_none(
            service=service, priority=priority, patient_name=patient_name, language=language
        )
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
        """Writes the given fields and leaves the rest; None clears a field."""
        params = {"patient_name": patient_name, "note": note, "needs": needs, "language": language}
        given = {name: value for name, value in params.items() if value is not UNSET}
        return await self._change_ticket("tickets.update", {"ticket": ticket_id, **given})

    async def call_next_patient(self, counter: str, complete: str | None = None) -> CallNextResult:
        """Completes the ticket `complete`, open at this counter, if given; then calls the counter's next patient."""
        params = _without_none(counter=counter, complete=complete)
        return decode_value(await self.request_raw("queue.call_next", params, keyed=True), CallNextResult)

    async def call_patient(self, ticket_id: str, counter: str) -> Ticket:
        """Calls a chosen patient: waiting at any place, parked, or missed today."""
        return await self._change_ticket("queue.call", {"ticket": ticket_id, "counter": counter})

    async def recall(self, ticket_id: str) -> Ticket:
        """Calls the patient at the counter once more."""
        return await self._change_ticket("queue.recall", {"ticket": ticket_id})

    async def complete(self, ticket_id: str) -> Ticket:
        """Ends the consultation: the patient was served."""
        return await self._change_ticket("queue.complete", {"ticket": ticket_id})

    async def no_show(self, ticket_id: str) -> Ticket:
        """Records that a called patient did not come: to the end of the line, or off it after the service's last call."""
        return await self._change_ticket("queue.no_show", {"ticket": ticket_id})

    async def park(self, ticket_id: str, reason: str | None = None) -> Ticket:
        """Parks a waiting or consulting patient; only staff see the reason."""
        return await self._change_ticket("queue.park", _without_none(ticket=ticket_id, reason=reason))

    async def unpark(self, ticket_id: str, place: Place = "arrival") -> Ticket:
        """Puts a parked patient back in line."""
        return await self._change_ticket("queue.unpark", {"ticket": ticket_id, "place": place})

    async def transfer(self, ticket_id: str, service: str, place: Place = "arrival") -> Ticket:
        """Moves the patient to another service's line, with the same number."""
        params = {"ticket": ticket_id, "service": service, "place": place}
        return await self._change_ticket("queue.transfer", params)

    async def set_priority(self, ticket_id: str, priority: Priority) -> Ticket:
        """Sets the priority, and the place that belongs to it."""
        return await self._change_ticket("queue.set_priority", {"ticket": ticket_id, "priority": priority})

    async def move(self, ticket_id: str, position: int) -> Ticket:
        """Moves a patient to a place in line, from 1; a place behind the end is the end."""
        return await self._change_ticket("queue.move", {"ticket": ticket_id, "position": position})

    async def undo(self, operation: str | None = None) -> Ticket | None:
        """Undoes the operation of that key, by default `last_operation`; returns the restored ticket.

        Raises NotUndoable after ten seconds, when its ticket has changed since, or when there is no operation.
        """
        operation = operation or self.last_operation
        if operation is None:
            raise NotUndoable("There is nothing to take back.")
        result = await self.request_raw("queue.undo", {"operation": operation}, keyed=True)
        return decode_value(result, UndoResult).ticket

    async def cancel(self, ticket_id: str) -> Ticket:
        """Cancels a waiting or parked ticket."""
        return await self._change_ticket("tickets.cancel", {"ticket": ticket_id})

    async def open_counter(self, code: str) -> CounterSummary:
        """Opens a counter for the signed-in person."""
        return await self._change_counter("counters.open", code)

    async def pause_counter(self, code: str, reason: str | None = None) -> CounterSummary:
        """Pauses a counter: no patient is called to it."""
        return await self._change_counter("counters.pause", code, reason)

    async def close_counter(self, code: str, reason: str | None = None) -> CounterSummary:
        """Closes a counter and gives it back; refused while a patient is there."""
        return await self._change_counter("counters.close", code, reason)

    async def open_service(self, code: str) -> ServiceSummary:
        """Opens a service: patients can join during its hours."""
        return await self._change_service("services.open", code)

    async def pause_service(self, code: str, reason: str | None = None) -> ServiceSummary:
        """Stops joins for a while; waiting patients are still called."""
        return await self._change_service("services.pause", code, reason)

    async def close_service(self, code: str, reason: str | None = None) -> ServiceSummary:
        """Stops joins until the service is opened again; waiting patients are still called."""
        return await self._change_service("services.close", code, reason)

    async def close_day(self, service: str | None = None) -> DayClosed:
        """Cancels the waiting and parked tickets of one service or all; consultations stay open."""
        result = await self.request_raw("services.close_day", _without_none(service=service), keyed=True)
        return decode_value(result, DayClosed)

    async def validate_queue_integrity(self, service: str) -> LineIntegrity:
        """Returns the missing and duplicate places of a line."""
        result = await self.request_raw("queue.validate_integrity", {"service": service})
        return decode_value(result, LineIntegrity)

    async def system_health(self) -> SystemHealth:
        """Returns the hub's health in sentences and figures; for supervisors."""
        return decode_value(await self.request_raw("system.health"), SystemHealth)

    async def discover(self) -> dict[str, Any]:
        """Returns the hub's OpenRPC document as plain JSON values."""
        return cast(dict[str, Any], await self.request("rpc.discover"))

    async def _change_ticket(self, method: str, params: Mapping[str, Any]) -> Ticket:
        return decode_value(await self.request_raw(method, params, keyed=True), TicketResult).ticket

    async def _change_counter(self, method: str, code: str, reason: str | None = None) -> CounterSummary:
        params = _without_none(counter=code, reason=reason)
        return decode_value(await self.request_raw(method, params, keyed=True), CounterResult).counter

    async def _change_service(self, method: str, code: str, reason: str | None = None) -> ServiceSummary:
        params = _without_none(service=code, reason=reason)
        return decode_value(await self.request_raw(method, params, keyed=True), ServiceResult).service


def _without_none(**params: Any) -> dict[str, Any]:
    """Returns the parameters that are not None."""
    return {name: value for name, value in params.items() if value is not None}
