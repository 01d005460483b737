"""The hub for windows: slots in, signals out, no blocking call.

`kiosk_app` and `admin_app` reach the hub only through `HubBridge`, which owns the client and its tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.client.hub_address import checked_addresses
from core.client.hub_client import HubClient
from core.client.hub_connection import pair, trust_for
from core.errors import HubError, Unauthenticated
from core.line.line_store import Line
from core.line.tickets import CounterSummary, Hello, ServiceSummary
from core.qt.hub_reply import HubReply
from core.qt.hub_requests import HubRequests
from core.wire.replica import (
    Change,
    CountersChanged,
    EventApplied,
    HelloChanged,
    LineReplaced,
    Pushed,
    Replica,
    ServicesChanged,
    StaleChanged,
    StateChanged,
)
from core.wire.results import CallNextResult, ConfigChanged, LineIntegrity
from core.wire.session import ConnectionState, DeviceCredentials, PersonCredentials

__all__ = [
    "CallNextResult",
    "ConnectionState",
    "DeviceCredentials",
    "HubBridge",
    "HubReply",
    "LineIntegrity",
    "PersonCredentials",
    "pair",
    "trust_for",
]

FRAME_MILLISECONDS = 30
"""Shortest interval between two `line_changed` of a service: a window repaints no faster."""
SIGN_IN_SECONDS = 10.0
"""Timeout of a sign-in; then the person reads that the hub does not answer."""
SIGN_OUT_SECONDS = 2.0
"""Timeout of `session.end` at sign-out."""


class HubBridge(QObject, HubRequests):
    """One connection to the hub for one window.

    Signals:
        state_changed(object): the new `ConnectionState`.
        hello_changed(): `hello` is new, or None after sign-out.
        services_changed(), counters_changed(): the list changed.
        line_changed(str): the line of that service changed; at most once in 30 ms for each service.
        event_received(object): a `QueueEvent` that was applied, each once, in order; a snapshot emits none.
        reset(str): a snapshot replaced the line of that service.
        config_changed(int): the new revision of the site's configuration.
        stale_changed(bool): the hub lost its database, or reaches it again: see `stale`.
        pushed(str, object): any other push: its method, and its parameters as plain JSON values.
    """

    state_changed = Signal(object)
    hello_changed = Signal()
    services_changed = Signal()
    counters_changed = Signal()
    line_changed = Signal(str)
    event_received = Signal(object)
    reset = Signal(str)
    config_changed = Signal(int)
    stale_changed = Signal(bool)
    pushed = Signal(str, object)

    def __init__(
        self,
        url: str | Sequence[str],
        credentials: DeviceCredentials | PersonCredentials | None = None,
        parent: QObject | None = None,
        client_name: str = "inturn",
        *,
        patience: float | None = None,
        ca_file: str = "",
    ) -> None:
        """Without credentials the bridge stays CONNECTING until `sign_in`. Raises SetupError for an invalid URL.

        Args:
            patience: timeout of a change in seconds; None: no timeout while no hub answers.
            ca_file: PEM file with the authorities trusted for wss:// instead of the system's; "" trusts the system's.
        """
        super().__init__(parent)
        self._url = checked_addresses(url)
        self._make_client = partial(
            HubClient, self._url, client_name=client_name, patience=patience, ca_file=ca_file
        )
        self._client = self._new_client(credentials) if credentials is not None else None
        self._empty_replica = Replica()
        self._replies: set[HubReply] = set()
        self._closing: set[asyncio.Task[None]] = set()
        """Tasks that close the clients of earlier sign-ins."""
        self._changed_lines: set[str] = set()
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MILLISECONDS)
        self._frame.timeout.connect(self._emit_changed_lines)

    def start(self) -> None:
        """Starts to connect, in the current asyncio loop. Returns at once."""
        if self._client is not None:
            self._client.start()

    async def aclose(self) -> None:
        """Closes the connection and ends every task; unanswered replies fail with `Unavailable`."""
        self._frame.stop()
        replies = list(self._replies)
        for reply in replies:
            reply.abandon()
        await asyncio.gather(*(reply.wait() for reply in replies))
        self._close_client()
        await asyncio.gather(*self._closing)

    @property
    def state(self) -> ConnectionState:
        """State of the connection; CONNECTING without credentials."""
        return self._client.state if self._client is not None else ConnectionState.CONNECTING

    @property
    def lost_since(self) -> datetime | None:
        """When the connection was lost (the hub's time); None while LIVE and before the first failure."""
        return self._client.lost_since if self._client is not None else None

    def now(self) -> datetime:
        """Returns the hub's time (UTC), whatever this computer's clock says; this computer's while signed out."""
        return self._client.now() if self._client is not None else datetime.now(UTC)

    @property
    def refusal(self) -> HubError | None:
        """The error with which the hub refused the credentials, while REFUSED."""
        return self._client.refusal if self._client is not None else None

    @property
    def trouble(self) -> HubError | None:
        """The error of the latest try to connect; None once a try has succeeded."""
        return self._client.trouble if self._client is not None else None

    @property
    def stale(self) -> bool:
        """Whether the hub can't reach its database: lines may be some seconds old, and every change fails."""
        return self._replica.stale

    @property
    def hello(self) -> Hello | None:
        """The result of the latest hello."""
        return self._replica.hello

    @property
    def services(self) -> tuple[ServiceSummary, ...]:
        """All services in their order."""
        return self._replica.services

    @property
    def counters(self) -> tuple[CounterSummary, ...]:
        """All counters in their order; empty on a kiosk, which may not list them."""
        return self._replica.counters

    @property
    def latency(self) -> float | None:
        """Round trip of the last ping in seconds."""
        return self._client.latency if self._client is not None else None

    @property
    def last_operation(self) -> str | None:
        """Key of the last change that succeeded: `undo` takes it."""
        return self._client.last_operation if self._client is not None else None

    def line(self, service: str) -> Line:
        """Returns the live line of a service; before its first snapshot it is empty, with `known` False."""
        return self._replica.lines.line(service)

    def sign_in(self, username: str, password: str, new_password: str | None = None) -> HubReply:
        """Connects as that person; `new_password` replaces one that another person set. Succeeds with the `Hello`.

        Fails with `Unauthenticated`, `RateLimited` or `Unavailable`; the client then does not retry.
        """
        self._close_client()
        client = self._client = self._new_client(PersonCredentials(username, password, new_password))
        client.start()
        return self._track(HubReply(self._signed_in(client)))

    def sign_out(self) -> None:
        """Ends the session, drops the replica and disconnects: CONNECTING until the next `sign_in`."""
        self._close_client(signing_out=True)

    async def _signed_in(self, client: HubClient) -> Hello:
        try:
            return await client.live(SIGN_IN_SECONDS, retry=False)
        except (HubError, asyncio.CancelledError):
            if client is self._client:
                self._close_client()
            raise

    @property
    def _replica(self) -> Replica:
        return self._client.replica if self._client is not None else self._empty_replica

    def _new_client(self, credentials: DeviceCredentials | PersonCredentials) -> HubClient:
        def take(change: Change) -> None:
            # A client that is being closed may still receive frames: its changes are dropped.
            if client is self._client:
                self._take(change)

        client = self._make_client(credentials, on_change=take)
        return client

    def _close_client(self, *, signing_out: bool = False) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        task = asyncio.get_event_loop().create_task(_end_session(client) if signing_out else client.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self._empty_replica = Replica()
        self.state_changed.emit(self.state)
        for signal in (self.hello_changed, self.services_changed, self.counters_changed):
            signal.emit()

    def _ask(self, operation: Callable[[HubClient], Coroutine[Any, Any, Any]]) -> HubReply:
        client = self._client
        return self._track(HubReply(operation(client) if client is not None else _signed_out()))

    def _track(self, reply: HubReply) -> HubReply:
        self._replies.add(reply)
        reply.finished.connect(self._forget_finished)
        return reply

    def _forget_finished(self) -> None:
        self._replies = {reply for reply in self._replies if not reply.is_finished}

    def _take(self, change: Change) -> None:
        match change:
            case EventApplied(event):
                self._line_changed(event.service)
                self.event_received.emit(event)
            case LineReplaced(service):
                self._line_changed(service)
                self.reset.emit(service)
            case StateChanged(state):
                self.state_changed.emit(state)
            case StaleChanged(stale):
                self.stale_changed.emit(stale)
            case ConfigChanged(revision):
                self.config_changed.emit(revision)
            case Pushed(method, params):
                self.pushed.emit(method, params)
            case HelloChanged():
                self.hello_changed.emit()
            case ServicesChanged():
                self.services_changed.emit()
            case CountersChanged():
                self.counters_changed.emit()

    def _line_changed(self, service: str) -> None:
        self._changed_lines.add(service)
        if not self._frame.isActive():
            self._frame.start()

    def _emit_changed_lines(self) -> None:
        changed, self._changed_lines = self._changed_lines, set()
        for service in sorted(changed):
            self.line_changed.emit(service)


async def _end_session(client: HubClient) -> None:
    # An unreachable hub can't end the session: it expires there by its age.
    if client.state is ConnectionState.LIVE:
        with suppress(HubError, TimeoutError):
            async with asyncio.timeout(SIGN_OUT_SECONDS):
                await client.request("session.end")
    await client.aclose()


async def _signed_out() -> None:
    raise Unauthenticated
