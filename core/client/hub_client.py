"""The client on a socket: connects, reconnects, sends requests, keeps a replica of the lines.

`async with HubClient(url, credentials) as client: ticket = await client.join_queue("A")`
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from core.client.answers import Answers
from core.client.hub_address import checked_addresses
from core.client.hub_choice import HubChoice
from core.client.hub_connection import UNREACHABLE, hang_up, open_connection, trouble, trust_for
from core.client.hub_operations import HubOperations
from core.client.program import with_version
from core.errors import HubError, Unavailable
from core.line.tickets import Hello
from core.steady_clock import steady_seconds
from core.wire.client_timings import USUAL, ClientTimings
from core.wire.follower import Follower
from core.wire.hub_clock import HubClock
from core.wire.replica import Change, Replica, StateChanged
from core.wire.session import (
    ClientSession,
    ConnectionState,
    Credentials,
    DeviceCredentials,
    Failure,
    HelloAccepted,
    HelloRefused,
    Push,
    Reply,
    SessionEvent,
    TimeTold,
)

log = logging.getLogger(__name__)

TURN_SECONDS = 0.002
"""How long frames of a burst are handled without a yield to the loop: a window on the same loop must repaint."""


class HubClient(HubOperations):
    """One client of a hub: it reconnects by itself from `start` until `aclose`.

    With several hubs of one clinic it moves to the next when its hub is lost, stalls or takes no more clients, and
    stays there. It does not leave a hub that has only lost its database.

    Attributes:
        now: returns the hub's time (UTC); this computer's, carried on steadily, until the first hello.
        replica: services, counters and lines; complete while LIVE.
        state: state of the connection. lost_since: when the connection was lost (the hub's time); None while LIVE.
        refusal: the error with which the hub refused the credentials, while REFUSED.
        trouble: the error of the latest try to connect; None once the hub has accepted a hello.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        credentials: Credentials,
        *,
        on_change: Callable[[Change], None] = lambda _change: None,
        client_name: str = "inturn",
        services: tuple[str, ...] | None = None,
        follow: bool = True,
        patience: float | None = None,
        ca_file: str = "",
        timings: ClientTimings = USUAL,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        """Several URLs are tried in turn, from the first. Raises SetupError for an invalid URL.

        Args:
            on_change: called with every change, in the event loop; it must not block.
            services: codes of the lines to follow; None follows all, future ones too.
            follow: False for a client that only sends requests; it holds no lines.
            patience: timeout of a change in seconds; see `request_raw`.
            ca_file: PEM file with the authorities trusted for wss:// instead of the system's; "" trusts the system's.
            steady: seconds of a clock that counts during suspension.
        """
        self.replica = Replica()
        self.state = ConnectionState.CONNECTING
        self.lost_since: datetime | None = None
        self.refusal: HubError | None = None
        self.trouble: HubError | None = None
        urls = checked_addresses(url)
        self._hubs = HubChoice(urls, timings)
        self._trusted = trust_for(urls, ca_file)
        self._patience = patience
        self._timings = timings
        self._persistent = isinstance(credentials, DeviceCredentials)
        self._on_change = on_change
        self._session = ClientSession(credentials, with_version(client_name), timings)
        self._follower = Follower(self._session, self.replica, services if follow else ())
        self._answers = Answers()
        self._connection: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._steady = steady
        self._hub_clock = HubClock(datetime.now(UTC), steady())
        self._closing = False
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def hello(self) -> Hello | None:
        """The result of the latest hello."""
        return self.replica.hello

    def now(self) -> datetime:
        return self._hub_clock.now(self._steady())

    @property
    def address(self) -> str:
        """Address of the hub to which the client is connected, or which it tries next."""
        return self._hubs.address

    @property
    def last_operation(self) -> str | None:
        return self._session.last_operation

    @property
    def latency(self) -> float | None:
        """Round trip of the last ping in seconds."""
        return self._session.latency

    def start(self) -> None:
        """Starts to connect, in the current loop. Returns at once."""
        if self._task is None:
            self._closing = False
            self._task = asyncio.get_event_loop().create_task(self._run(), name="hub client")

    async def aclose(self) -> None:
        """Closes the connection and ends the tasks; callers that wait for a reply get `Unavailable`."""
        task, self._task = self._task, None
        self._closing = True
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._answers.fail_all(Unavailable("The connection to the hub was closed."))

    async def __aenter__(self) -> Self:
        self.start()
        try:
            await self.live()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    async def live(self, timeout: float = 30.0, *, retry: bool = True) -> Hello:
        """Waits until the client is LIVE. Raises the refusal, or `Unavailable` after `timeout` seconds.

        Without `retry` the first failed try to reach the hub raises, too.
        """
        try:
            async with asyncio.timeout(timeout):
                while self.state is not ConnectionState.LIVE or self.hello is None:
                    if self.refusal is not None:
                        raise self.refusal
                    if self.state is ConnectionState.LOST and not retry:
                        raise self.trouble or Unavailable(UNREACHABLE)
                    await self._changed.wait()
        except TimeoutError:
            raise self.trouble or Unavailable(UNREACHABLE) from None
        return self.hello

    async def request_raw(
        self, method: str, params: Mapping[str, Any] | None = None, *, keyed: bool = False
    ) -> msgspec.Raw:
        """Sends any method; returns its undecoded result. Raises HubError.

        A request without a key fails with `Unavailable` after ten seconds. A change (`keyed`) gets an idempotency key
        and is repeated with it, so that it is made once. It fails with `Unavailable` when the hub has answered
        `unavailable` for ten seconds; while no hub is reachable it waits. With `patience` it fails after that time in
        either case. After such a failure the change may or may not have been made: read the line. Cancelling
        abandons the request.
        """
        if self.refusal is not None and not self._persistent:
            raise self.refusal
        if self._task is None:
            raise Unavailable(UNREACHABLE)
        request_id = self._session.request(
            method, params or {}, time.monotonic(), keyed=keyed, patience=self._patience
        )
        self._wake.set()
        try:
            return await self._answers.of(request_id, method, self._session.key_of(request_id))
        finally:
            self._session.abandon(request_id)

    async def _run(self) -> None:
        while not self._closing:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_named("clock", self._run_clock()))
                    tasks.create_task(_named("connection", self._keep_connected()))
            except Exception:
                log.exception("The connection to the hub was lost by a fault of this program.")
                self._report_loss()
                await asyncio.sleep(self._timings.longest_pause)

    def _report_loss(self) -> None:
        try:
            self._forget_connection()
        except Exception:
            # `on_change` may raise again. Without this `except` the task would end and never reconnect.
            log.exception("The loss of the hub could not be reported.")

    async def _run_clock(self) -> None:
        while True:
            await asyncio.sleep(self._timings.tick)
            now = time.monotonic()
            try:
                self._take(self._session.tick(now), now)
                silent = self._session.is_dead(now) or (
                    self._hubs.has_others and self._session.is_stalled(now)
                )
            except HubError as error:
                log.info("Closing the connection to the hub: %s", error)
                silent = True
            if silent and self._connection is not None:
                hang_up(self._connection)

    async def _keep_connected(self) -> None:
        while self.refusal is None or self._persistent:
            try:
                await self._one_connection(self._hubs.address)
            except* (OSError, WebSocketException, HubError) as group:
                self.trouble = trouble(group.exceptions[0])
                log.info("No connection to the hub at %s: %s", self._hubs.address, group.exceptions[0])
            pause = self._hubs.leave(worked=self._follower.ready)
            self._forget_connection()
            # A TaskGroup whose member fails at the moment of a cancellation swallows the cancellation.
            if self._closing:
                return
            refused = random.uniform(*self._timings.refused)
            await asyncio.sleep(refused if self.refusal is not None else pause)

    async def _one_connection(self, url: str) -> None:
        # With another hub to try, opening a connection gets no more time than a reply.
        seconds = self._timings.stall if self._hubs.has_others else self._timings.open
        async with open_connection(url, self._trusted, seconds) as connection:
            self._connection = connection
            self._session.connected(time.monotonic())
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_named("writer", self._write(connection)))
                    tasks.create_task(_named("reader", self._read(connection)))
            finally:
                # Close with 1000: after an exception `async with` would close with 1011, an internal error.
                await connection.close()

    async def _write(self, connection: ClientConnection) -> None:
        while True:
            self._wake.clear()
            for frame in self._session.frames_to_send():
                await connection.send(frame, text=True)
            await self._wake.wait()

    async def _read(self, connection: ClientConnection) -> None:
        turn_ends = 0.0
        while True:
            frame = await connection.recv(decode=False)
            now = time.monotonic()
            self._take(self._session.receive(frame, now), now)
            if now > turn_ends:
                await asyncio.sleep(0)
                turn_ends = time.monotonic() + TURN_SECONDS

    def _take(self, events: list[SessionEvent], now: float) -> None:
        for event in events:
            match event:
                case Reply() | Failure():
                    if not self._answers.settle(event):
                        self._notify(self._follower.take_answer(event, now))
                case Push():
                    self._notify(self._follower.take_push(event, now))
                case TimeTold(time=told):
                    self._hub_clock.set(told, self._steady())
                case HelloAccepted():
                    self.trouble = None
                    self._hub_clock.set(event.hello.time, self._steady())
                    self._notify(self._follower.welcomed(event.hello, now))
                case HelloRefused():
                    self._hello_refused(event)
        self._wake.set()
        self._report_state()

    def _hello_refused(self, event: HelloRefused) -> None:
        log.info("The hub refused this client: %s", event.error)
        self.trouble = event.error
        if event.final:
            self.refusal = event.error
            if not self._persistent:
                self._answers.fail_all(event.error)
        raise event.error

    def _notify(self, changes: list[Change]) -> None:
        for change in changes:
            self._on_change(change)

    def _report_state(self) -> None:
        state = self._session.state
        if state is ConnectionState.LIVE:
            if not self._follower.ready:
                return
            self.refusal = None
        if state is self.state:
            return
        self.state = state
        if state is ConnectionState.LIVE:
            self.lost_since = None
        elif self.lost_since is None:
            self.lost_since = self.now()
        self._changed.set()
        self._changed.clear()
        self._notify([StateChanged(state)])

    def _forget_connection(self) -> None:
        self._connection = None
        self._follower.disconnected()
        self._session.disconnected()
        self._report_state()


async def _named(name: str, work: Coroutine[Any, Any, None]) -> None:
    """Runs one of the client's tasks; the traceback of its exception names the task."""
    try:
        await work
    except Exception as error:
        error.add_note(f"This was the client's {name}.")
        raise
