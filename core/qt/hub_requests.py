"""What a window may ask of the hub: each returns at once, with the reply that is to come."""

from __future__ import annotations

import abc
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from core.client.hub_client import HubClient
from core.line.tickets import Priority
from core.qt.hub_reply import HubReply


class HubRequests:
    """The requests of `HubBridge`; how one is made is its matter."""

    @abc.abstractmethod
    def _ask(self, operation: Callable[[HubClient], Coroutine[Any, Any, Any]]) -> HubReply:
        """Begins an operation."""

    def join_queue(
        self, service: str, priority: Priority | None = None, patient_name: str | None = None
    ) -> HubReply:
        """A patient takes a turn. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.join_queue(service, priority, patient_name))

    def call_next_patient(self, counter: str, complete: str | None = None) -> HubReply:
        """First completes the ticket `complete`. Succeeds with a `CallNextResult`: `ticket` (or None), `why`."""
        return self._ask(lambda hub: hub.call_next_patient(counter, complete))

    def recall(self, ticket_id: str) -> HubReply:
        """Calls the patient once more. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.recall(ticket_id))

    def complete(self, ticket_id: str) -> HubReply:
        """The patient was served. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.complete(ticket_id))

    def no_show(self, ticket_id: str) -> HubReply:
        """The patient never came. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.no_show(ticket_id))

    def cancel(self, ticket_id: str) -> HubReply:
        """The waiting or parked patient leaves. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.cancel(ticket_id))

    def get_ticket(self, ticket_id: str) -> HubReply:
        """Succeeds with the `Ticket` as it is now, with its exact estimate."""
        return self._ask(lambda hub: hub.get_ticket(ticket_id))

    def open_counter(self, code: str) -> HubReply:
        """Succeeds with the `CounterSummary`."""
        return self._ask(lambda hub: hub.open_counter(code))

    def pause_counter(self, code: str, reason: str | None = None) -> HubReply:
        """Succeeds with the `CounterSummary`."""
        return self._ask(lambda hub: hub.pause_counter(code, reason))

    def close_counter(self, code: str, reason: str | None = None) -> HubReply:
        """Succeeds with the `CounterSummary`."""
        return self._ask(lambda hub: hub.close_counter(code, reason))

    def validate_queue_integrity(self, service: str) -> HubReply:
        """Succeeds with an `LineIntegrity`."""
        return self._ask(lambda hub: hub.validate_queue_integrity(service))

    def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, keyed: bool = False
    ) -> HubReply:
        """Any other method; `keyed` when it changes something. Succeeds with plain JSON values."""
        return self._ask(lambda hub: hub.request(method, params, keyed=keyed))
