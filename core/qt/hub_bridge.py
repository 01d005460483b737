"""The hub as the windows see it: slots in, signals out, never a wait.

The one door to the hub for `kiosk_app` and `admin_app`; it owns the client and its tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QObject, Signal

from core.errors import HubError
from core.line_store import Line
from core.session import ConnectionState, DeviceCredentials, PersonCredentials
from core.tickets import CounterSummary, Hello, Priority, ServiceSummary

__all__ = ["ConnectionState", "DeviceCredentials", "HubBridge", "HubReply", "PersonCredentials", "pair"]


class HubReply(QObject):
    """The answer to one request, as it comes (like QNetworkReply).

    It is emitted from the event loop, never before the caller had the time to connect; the bridge keeps
    the reply until it has finished. While the hub is away a change waits and is repeated with its key
    until it is answered or abandoned; a mere question fails with `Unavailable` after ten seconds.

    Signals:
        succeeded(object): the method's result.
        failed(object): the `HubError`; its `message` is for people.
        finished(): after either.
    """

    succeeded = Signal(object)
    failed = Signal(object)
    finished = Signal()

    def abandon(self) -> None:
        """Stops waiting: fails with `Unavailable`. A change that was already sent may have happened."""
        raise NotImplementedError


class HubBridge(QObject):
    """One connection to the hub for one window.

    Signals:
        state_changed(object): the new `ConnectionState`.
        hello_changed(): `hello` is another, or None after signing out.
        services_changed(), counters_changed(): the list is another.
        line_changed(str): a service's line changed; at most once in 30 ms for a service.
        event_received(object): each `QueueEvent` that was applied, each once, in order; a snapshot gives none.
        reset(str): a snapshot replaced the service's line.
        config_changed(int): the site's configuration has this revision now.
        pushed(str, object): any other push: its method and its parameters as plain JSON values.
    """

    state_changed = Signal(object)
    hello_changed = Signal()
    services_changed = Signal()
    counters_changed = Signal()
    line_changed = Signal(str)
    event_received = Signal(object)
    reset = Signal(str)
    config_changed = Signal(int)
    pushed = Signal(str, object)

    def __init__(
        self,
        url: str | Sequence[str],
        credentials: DeviceCredentials | PersonCredentials | None = None,
        parent: QObject | None = None,
        client_name: str = "inturn",
    ) -> None:
        """Without credentials it stays CONNECTING until `sign_in`."""
        raise NotImplementedError

    def start(self) -> None:
        """Begins to connect, in the running asyncio loop. Returns at once."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Closes the connection and ends every task; unanswered replies fail with `Unavailable`."""
        raise NotImplementedError

    @property
    def state(self) -> ConnectionState:
        """How the window stands with its hub."""
        raise NotImplementedError

    @property
    def lost_since(self) -> datetime | None:
        """Since when nothing was heard (UTC); None while LIVE or before anything failed."""
        raise NotImplementedError

    @property
    def refusal(self) -> HubError | None:
        """Why the hub refused the credentials, while REFUSED."""
        raise NotImplementedError

    @property
    def hello(self) -> Hello | None:
        """What the hub said at the latest hello."""
        raise NotImplementedError

    @property
    def services(self) -> tuple[ServiceSummary, ...]:
        """All services, in their order."""
        raise NotImplementedError

    @property
    def counters(self) -> tuple[CounterSummary, ...]:
        """All counters; empty on a kiosk, which may not list them."""
        raise NotImplementedError

    @property
    def latency(self) -> float | None:
        """The last ping's round trip in seconds."""
        raise NotImplementedError

    def line(self, service: str) -> Line:
        """The live line of a service; one that is not known yet is empty, with `known` False."""
        raise NotImplementedError

    def join_queue(
        self, service: str, priority: Priority | None = None, patient_name: str | None = None
    ) -> HubReply:
        """Succeeds with the `Ticket`."""
        raise NotImplementedError

    def call_next_patient(self, counter: str, complete: str | None = None) -> HubReply:
        """Succeeds with a `CallResult` (`ticket` or None, `why`, `revision`); completes that ticket first."""
        raise NotImplementedError

    def call_ticket(self, ticket_id: str, counter: str) -> HubReply:
        """Calls one out of turn. Succeeds with the `Ticket`."""
        raise NotImplementedError

    def recall(self, ticket_id: str) -> HubReply:
        """Succeeds with the `Ticket`; so do the next ones."""
        raise NotImplementedError

    def complete(self, ticket_id: str) -> HubReply:
        raise NotImplementedError

    def no_show(self, ticket_id: str) -> HubReply:
        raise NotImplementedError

    def cancel(self, ticket_id: str) -> HubReply:
        raise NotImplementedError

    def open_counter(self, code: str) -> HubReply:
        """Succeeds with the `CounterSummary`; so do the next two."""
        raise NotImplementedError

    def pause_counter(self, code: str, reason: str | None = None) -> HubReply:
        raise NotImplementedError

    def close_counter(self, code: str, reason: str | None = None) -> HubReply:
        raise NotImplementedError

    def validate_queue_integrity(self, service: str) -> HubReply:
        """Succeeds with an `IntegrityReport` (`missing_positions`, `duplicate_positions`, `max_position`)."""
        raise NotImplementedError

    def sign_in(self, username: str, password: str) -> HubReply:
        """Connects with these. Succeeds with the `Hello`, fails with `Unauthenticated`, or `Unavailable`."""
        raise NotImplementedError

    def sign_out(self) -> None:
        """Forgets the session and everything held, and disconnects: CONNECTING until the next `sign_in`."""
        raise NotImplementedError


async def pair(url: str, code: str, client_name: str) -> DeviceCredentials:
    """Exchanges a pairing code for a device's credentials. Raises HubError."""
    raise NotImplementedError
