"""The client's side of the protocol, without a socket, an event loop or a clock.

The caller passes in received frames and the time (seconds of a monotonic clock), gets events back, and fetches the
frames to send. The session sends hello, numbers the requests, gives each change an idempotency key and repeats
unanswered requests, so that a change is made exactly once however often the connection breaks. It sends pings and
detects a hub that has fallen silent.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from core.errors import HubError, InternalError, RateLimited, Unavailable
from core.line.tickets import Hello
from core.wire import protocol
from core.wire.client_timings import USUAL, ClientTimings
from core.wire.pending_requests import PendingRequests, pending
from core.wire.results import Pong


class ConnectionState(enum.Enum):
    """State of a client's connection to its hub.

    CONNECTING: not connected yet, and no try has failed (also: a console before sign-in).
    LIVE: the hub accepted the hello and keeps sending frames; the data held is current.
    LOST: no connection, or no frame from the hub for `ClientTimings.stall`; the client retries for ever.
    REFUSED: the hub does not accept these credentials.
    """

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    REFUSED = "refused"


class DeviceCredentials(msgspec.Struct, frozen=True):
    """Token of a kiosk or a monitor."""

    token: str

    def __repr__(self) -> str:
        return "DeviceCredentials(token=…)"


class PersonCredentials(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person's name and password. The session drops them as soon as the hub has accepted them.

    `new_password` replaces a password that another person set (`PasswordExpired`).
    """

    username: str
    password: str
    new_password: str | None = None

    def __repr__(self) -> str:
        return f"PersonCredentials(username={self.username!r}, password=…)"


class SessionCredentials(msgspec.Struct, frozen=True):
    """A person's session at the hub, with which a client reconnects instead of the password."""

    session: str

    def __repr__(self) -> str:
        return "SessionCredentials(session=…)"


Credentials = DeviceCredentials | PersonCredentials | SessionCredentials


class HelloAccepted(msgspec.Struct, frozen=True):
    """The hub accepted the credentials. Unanswered requests are queued to be sent again."""

    hello: Hello


class HelloRefused(msgspec.Struct, frozen=True):
    """The hub refused the hello; `final` when a retry with the same credentials can't succeed."""

    error: HubError
    final: bool


class Reply(msgspec.Struct, frozen=True):
    """The result of a request."""

    request_id: int
    result: msgspec.Raw


class Failure(msgspec.Struct, frozen=True):
    """A request that the hub refused, or that timed out."""

    request_id: int
    error: HubError


class Push(msgspec.Struct, frozen=True):
    """A notification from the hub."""

    method: str
    params: msgspec.Raw


class TimeTold(msgspec.Struct, frozen=True):
    """A pong: `time` is the hub's at this moment, half of the round trip included."""

    time: datetime


SessionEvent = HelloAccepted | HelloRefused | Reply | Failure | Push | TimeTold


class ClientSession:
    """Protocol state of one client, over any number of connections.

    Attributes:
        state: state of the connection.
        latency: round trip of the last ping in seconds.
        last_operation: key of the last change that succeeded; `queue.undo` takes it as `operation`.
    """

    def __init__(self, credentials: Credentials, client_name: str, timings: ClientTimings = USUAL) -> None:
        self.state = ConnectionState.CONNECTING
        self.latency: float | None = None
        self.last_operation: str | None = None
        self._credentials = credentials
        self._client_name = client_name
        self._timings = timings
        self._last_id = 0
        self._hello_id: int | None = None
        self._ping: tuple[int, float] | None = None
        """Request id and time of the unanswered ping."""
        self._admitted = False
        """Whether the hub accepted the hello of the present connection."""
        self._pending = PendingRequests()
        self._outgoing: list[bytes] = []
        self._last_sent = self._last_received = 0.0
        self._reply_due_since: float | None = None
        """Time of the first frame sent since the hub's last frame; None when none was sent since."""

    def connected(self, now: float) -> None:
        """Starts a new connection: hello is its first frame."""
        self._outgoing.clear()
        self._admitted, self._ping = False, None
        self._reply_due_since = None
        self._last_received = now
        self._hello_id = self._next_id()
        params = {"client": self._client_name, "credentials": self._credentials}
        self._send(protocol.request_frame(self._hello_id, "session.hello", params), now)

    def disconnected(self) -> None:
        """The connection is lost, or could not be opened."""
        self._outgoing.clear()
        self._admitted, self._hello_id, self._ping = False, None, None
        self._pending.drop_fleeting()
        if self.state is not ConnectionState.REFUSED:
            self.state = ConnectionState.LOST

    def request(
        self,
        method: str,
        params: Mapping[str, Any],
        now: float,
        *,
        keyed: bool = False,
        patience: float | None = None,
        fleeting: bool = False,
    ) -> int:
        """Queues a request; returns the id of its reply.

        Args:
            keyed: the request is a change. It gets an idempotency key, unless `params` has a key from an earlier run
                of this program, and is repeated until it is answered or abandoned. A request without a key fails
                with `Unavailable` after ten seconds.
            patience: timeout of a change in seconds. After the timeout the change may or may not have been made, and
                its key is never used again. None: no timeout while the hub is unreachable; the change fails
                only when the hub itself has answered `unavailable` for ten seconds.
            fleeting: the request belongs to this connection and is dropped with it, without a reply.
        """
        request_id = self._next_id()
        key = str(params.get("key") or uuid.uuid4()) if keyed else None
        if key is not None:
            params = {**params, "key": key}
        frame = protocol.request_frame(request_id, method, params)
        self._pending.add(request_id, pending(frame, key, now, fleeting=fleeting, patience=patience))
        if self._admitted:
            self._send(frame, now)
        return request_id

    def key_of(self, request_id: int) -> str | None:
        """Key of an unanswered change; None for any other id."""
        return self._pending[request_id].key if request_id in self._pending else None

    def abandon(self, request_id: int) -> None:
        """Drops a request whose caller no longer waits. A change that was already sent may still be made."""
        self._pending.drop(request_id)

    def frames_to_send(self) -> list[bytes]:
        """Returns the frames to write now, in order; each frame is returned once."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def receive(self, frame: bytes | str, now: float) -> list[SessionEvent]:
        """Handles a frame from the hub. Raises HubError when the frame violates the protocol."""
        incoming = protocol.decode_incoming(frame)
        self._last_received, self._reply_due_since = now, None
        if self._admitted:
            self.state = ConnectionState.LIVE
        if incoming.method is not None:
            return [Push(incoming.method, incoming.params)]
        if incoming.id is None:
            return []
        if incoming.id == self._hello_id:
            return self._hello_answered(incoming, now)
        if self._ping is not None and incoming.id == self._ping[0]:
            self.latency, self._ping = now - self._ping[1], None
            return self._time_told(incoming, self.latency)
        return self._answered(incoming, now)

    def tick(self, now: float) -> list[SessionEvent]:
        """Sends pings and due retries, detects a stalled hub, fails overdue requests. Call it about every half second."""
        if self._admitted:
            if self._ping is None and now - self._last_sent >= self._timings.ping:
                self._send_ping(now)
            if self.is_stalled(now):
                self.state = ConnectionState.LOST
            for frame in self._pending.due_retries(now):
                self._send(frame, now)
        return [Failure(request_id, error) for request_id, error in self._pending.expire(now).items()]

    def is_stalled(self, now: float) -> bool:
        """Whether the hub owes a reply and has sent no frame for `ClientTimings.stall`."""
        return self._reply_due_since is not None and now - self._reply_due_since >= self._timings.stall

    def is_dead(self, now: float) -> bool:
        """Whether the hub has sent no frame for `ClientTimings.silence`, so that the connection should be closed."""
        return now - self._last_received >= self._timings.silence

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _send(self, frame: bytes, now: float) -> None:
        self._outgoing.append(frame)
        self._last_sent = now
        if self._reply_due_since is None:
            self._reply_due_since = now

    def _send_ping(self, now: float) -> None:
        self._ping = (self._next_id(), now)
        self._send(protocol.request_frame(self._ping[0], "ping", {}), now)

    def _time_told(self, incoming: protocol.Incoming, latency: float) -> list[SessionEvent]:
        if incoming.error is not None:
            return []
        pong = protocol.decode_value(incoming.result, Pong)
        return [TimeTold(pong.time + timedelta(seconds=latency / 2))]

    def _hello_answered(self, incoming: protocol.Incoming, now: float) -> list[SessionEvent]:
        self._hello_id = None
        if incoming.error is not None:
            return [self._refused(protocol.error_from_reply(incoming.error))]
        hello = protocol.decode_value(incoming.result, Hello)
        if not isinstance(self._credentials, DeviceCredentials):
            self._credentials = SessionCredentials(hello.session)
        self._admitted = True
        self.state = ConnectionState.LIVE
        for frame in self._pending.all_frames():
            self._send(frame, now)
        self._send_ping(now)
        return [HelloAccepted(hello)]

    def _refused(self, error: HubError) -> HelloRefused:
        temporary: tuple[type[HubError], ...] = (Unavailable, InternalError)
        if not isinstance(self._credentials, PersonCredentials):
            temporary = (*temporary, RateLimited)
        final = not isinstance(error, temporary)
        self.state = ConnectionState.REFUSED if final else ConnectionState.LOST
        return HelloRefused(error, final)

    def _answered(self, incoming: protocol.Incoming, now: float) -> list[SessionEvent]:
        request_id = incoming.id
        if not isinstance(request_id, int) or request_id not in self._pending:
            return []
        if incoming.error is not None:
            error = protocol.error_from_reply(incoming.error)
            if self._pending.schedule_retry(request_id, error, now):
                return []
            self._pending.drop(request_id)
            return [Failure(request_id, error)]
        self.last_operation = self._pending[request_id].key or self.last_operation
        self._pending.drop(request_id)
        return [Reply(request_id, incoming.result)]
