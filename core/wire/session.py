"""The client's half of a conversation with the hub, without a socket, a loop or a clock.

Frames and the time (seconds that only grow) go in; events come out, and frames to send are fetched. It says
hello, numbers the requests, gives every change its key and repeats what was not answered, so that a change
happens exactly once however often the connection breaks; it pings, and notices a hub that has fallen silent.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from core.errors import HubError, InternalError, RateLimited, Unavailable
from core.line.tickets import Hello
from core.wire import protocol
from core.wire.client_timings import USUAL, ClientTimings
from core.wire.pending_requests import PendingRequests, pending


class ConnectionState(enum.Enum):
    """How a client stands with its hub.

    CONNECTING: not connected yet, and nothing has failed (also: a console before sign-in).
    LIVE: said hello and heard from lately; what is shown is true.
    LOST: no connection, or the hub has not answered for some seconds; tried again for ever.
    REFUSED: the hub does not accept these credentials.
    """

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    REFUSED = "refused"


class DeviceCredentials(msgspec.Struct, frozen=True):
    """The token of a kiosk or a monitor."""

    token: str

    def __repr__(self) -> str:
        return "DeviceCredentials(token=…)"


class PersonCredentials(msgspec.Struct, frozen=True):
    """What a person signs in with. Forgotten as soon as the hub has accepted it."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"PersonCredentials(username={self.username!r}, password=…)"


class SessionCredentials(msgspec.Struct, frozen=True):
    """What a person's client comes back with instead of the password."""

    session: str

    def __repr__(self) -> str:
        return "SessionCredentials(session=…)"


Credentials = DeviceCredentials | PersonCredentials | SessionCredentials


class HelloAccepted(msgspec.Struct, frozen=True):
    """The hub accepted the credentials. What was not answered is on its way again."""

    hello: Hello


class HelloRefused(msgspec.Struct, frozen=True):
    """The hub did not; `final` when trying again with the same credentials is of no use."""

    error: HubError
    final: bool


class Reply(msgspec.Struct, frozen=True):
    """The result of a request."""

    request_id: int
    result: msgspec.Raw


class Failure(msgspec.Struct, frozen=True):
    """A request that was refused, or given up."""

    request_id: int
    error: HubError


class Push(msgspec.Struct, frozen=True):
    """A notification of the hub's."""

    method: str
    params: msgspec.Raw


SessionEvent = HelloAccepted | HelloRefused | Reply | Failure | Push


class ClientSession:
    """One client's conversation over any number of connections.

    Attributes:
        state: how the client stands with the hub.
        latency: the last ping's round trip in seconds.
        last_operation: the key of the last change that the hub answered with a result; what `queue.undo` asks for.
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
        self._greeted = False
        self._pending = PendingRequests()
        self._outgoing: list[bytes] = []
        self._last_sent = self._last_heard = 0.0
        self._waits_since: float | None = None
        """When the hub first owed us a frame that has not come."""

    def connected(self, now: float) -> None:
        """There is a new connection: hello is the first frame to send."""
        self._outgoing.clear()
        self._greeted, self._ping = False, None
        self._waits_since = None
        self._last_heard = now
        self._hello_id = self._next_id()
        params = {"client": self._client_name, "credentials": self._credentials}
        self._send(protocol.request_frame(self._hello_id, "session.hello", params), now)

    def disconnected(self) -> None:
        """The connection is gone, or could not be made."""
        self._outgoing.clear()
        self._greeted, self._hello_id, self._ping = False, None, None
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
        """Asks the hub; returns the id under which the answer will come.

        Args:
            keyed: it changes something: it gets a key, unless `params` has one from an earlier life of this
                program, and is repeated until it is answered or abandoned. Others fail with `Unavailable` after
                ten seconds.
            patience: after so many seconds without an answer a change fails, too: whether it was made is not
                known then, and its key is never used again. None: it waits however long the hub is away, and
                fails only when the hub itself has answered `unavailable` for ten seconds.
            fleeting: it concerns this connection only, and vanishes with it, unanswered.
        """
        request_id = self._next_id()
        key = str(params.get("key") or uuid.uuid4()) if keyed else None
        if key is not None:
            params = {**params, "key": key}
        frame = protocol.request_frame(request_id, method, params)
        self._pending.add(request_id, pending(frame, key, now, fleeting=fleeting, patience=patience))
        if self._greeted:
            self._send(frame, now)
        return request_id

    def key_of(self, request_id: int) -> str | None:
        """The key of a change that is not answered yet; None for anything else."""
        return self._pending[request_id].key if request_id in self._pending else None

    def abandon(self, request_id: int) -> None:
        """Nobody waits for this answer any more. What was sent already may still happen."""
        self._pending.drop(request_id)

    def frames_to_send(self) -> list[bytes]:
        """The frames to write now, in order; each is returned once."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def receive(self, frame: bytes | str, now: float) -> list[SessionEvent]:
        """Takes one frame from the hub. Raises HubError when it is not of the protocol."""
        incoming = protocol.decode_incoming(frame)
        self._last_heard, self._waits_since = now, None
        if self._greeted:
            self.state = ConnectionState.LIVE
        if incoming.method is not None:
            return [Push(incoming.method, incoming.params)]
        if incoming.id is None:
            return []
        if incoming.id == self._hello_id:
            return self._hello_answered(incoming, now)
        if self._ping is not None and incoming.id == self._ping[0]:
            self.latency, self._ping = now - self._ping[1], None
            return []
        return self._answered(incoming, now)

    def tick(self, now: float) -> list[SessionEvent]:
        """To be called every half second or so: pings, notices silence, gives up."""
        if self._greeted:
            if self._ping is None and now - self._last_sent >= self._timings.ping:
                self._send_ping(now)
            if self.is_stalled(now):
                self.state = ConnectionState.LOST
            for frame in self._pending.due_again(now):
                self._send(frame, now)
        return [Failure(request_id, error) for request_id, error in self._pending.give_up(now).items()]

    def is_stalled(self, now: float) -> bool:
        """Whether the hub has owed an answer for so long, nothing else being heard, that it counts as lost."""
        return self._waits_since is not None and now - self._waits_since >= self._timings.stall

    def is_dead(self, now: float) -> bool:
        """Whether this connection has been silent for so long that it should be closed."""
        return now - self._last_heard >= self._timings.silence

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _send(self, frame: bytes, now: float) -> None:
        self._outgoing.append(frame)
        self._last_sent = now
        if self._waits_since is None:
            self._waits_since = now

    def _send_ping(self, now: float) -> None:
        self._ping = (self._next_id(), now)
        self._send(protocol.request_frame(self._ping[0], "ping", {}), now)

    def _hello_answered(self, incoming: protocol.Incoming, now: float) -> list[SessionEvent]:
        self._hello_id = None
        if incoming.error is not None:
            return [self._refused(protocol.error_from_reply(incoming.error))]
        hello = protocol.decode_value(incoming.result, Hello)
        if not isinstance(self._credentials, DeviceCredentials):
            self._credentials = SessionCredentials(hello.session)
        self._greeted = True
        self.state = ConnectionState.LIVE
        for frame in self._pending.all_again():
            self._send(frame, now)
        self._send_ping(now)
        return [HelloAccepted(hello)]

    def _refused(self, error: HubError) -> HelloRefused:
        passing: tuple[type[HubError], ...] = (Unavailable, InternalError)
        if not isinstance(self._credentials, PersonCredentials):
            passing = (*passing, RateLimited)
        final = not isinstance(error, passing)
        self.state = ConnectionState.REFUSED if final else ConnectionState.LOST
        return HelloRefused(error, final)

    def _answered(self, incoming: protocol.Incoming, now: float) -> list[SessionEvent]:
        request_id = incoming.id
        if not isinstance(request_id, int) or request_id not in self._pending:
            return []
        if incoming.error is not None:
            error = protocol.error_from_reply(incoming.error)
            if self._pending.insists(request_id, error, now):
                return []
            self._pending.drop(request_id)
            return [Failure(request_id, error)]
        self.last_operation = self._pending[request_id].key or self.last_operation
        self._pending.drop(request_id)
        return [Reply(request_id, incoming.result)]
