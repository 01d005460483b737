"""Requests of a window to the hub. Each returns its `HubReply` at once."""

from __future__ import annotations

import abc
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from core.client.hub_client import HubClient
from core.line.tickets import Priority
from core.qt.hub_reply import HubReply


class HubRequests:
    """The requests of `HubBridge`, over an abstract `_ask`."""

    @abc.abstractmethod
    def _ask(self, operation: Callable[[HubClient], Coroutine[Any, Any, Any]]) -> HubReply:
        """Starts an operation of the client."""

    def join_queue(
        self, service: str, priority: Priority | None = None, patient_name: str | None = None
    ) -> HubReply:
        """Creates a ticket. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.join_queue(service, priority, patient_name))

    def call_next_patient(self, counter: str, complete: str | None = None) -> HubReply:
        """Completes the ticket `complete` if given, then calls the next. Succeeds with the `CallNextResult`."""
        return self._ask(lambda hub: hub.call_next_patient(counter, complete))

    def recall(self, ticket_id: str) -> HubReply:
        """Calls the patient once more. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.recall(ticket_id))

    def complete(self, ticket_id: str) -> HubReply:
        """Ends the consultation. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.complete(ticket_id))

    def no_show(self, ticket_id: str) -> HubReply:
        """Records that the called patient did not come. Succeeds with the `Ticket`."""
        return self._ask(lambda hub: hub.no_show(ticket_id))

    def undo(self, operation: str) -> HubReply:
        """Undoes this person's operation of that key. Succeeds with the restored `Ticket`, or None."""
        return self._ask(lambda hub: hub.undo(operation))

    def cancel(self, ticket_id: str) -> HubReply:
        """Cancels a waiting or parked ticket. Succeeds with the `Ticket`."""
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
        """Succeeds with the `LineIntegrity`."""
        return self._ask(lambda hub: hub.validate_queue_integrity(service))

    def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, keyed: bool = False
    ) -> HubReply:
        """Sends any method; `keyed` when it changes data. Succeeds with the result as plain JSON values."""
        return self._ask(lambda hub: hub.request(method, params, keyed=keyed))
