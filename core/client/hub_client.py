"""The clients' only asyncio and websockets code: connects, reconnects, asks, keeps a replica of the lines.

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
from core.errors import HubError, Unavailable
from core.line.tickets import Hello
from core.wire.client_timings import USUAL, ClientTimings
from core.wire.follower import Follower
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
)

log = logging.getLogger(__name__)

TURN_SECONDS = 0.002
"""How long frames of a burst are taken in one go: a window on the same loop wants to draw between them."""


class HubClient(HubOperations):
    """One client of the hub, for as long as it is started: it reconnects by itself.

    With several hubs of one clinic it goes to the next when one is lost, stalls or takes no more clients, and
    stays there; one that only misses its database is not left for that.

    Attributes:
        replica: services, counters and lines as they are known now; while LIVE they are complete.
        state: how it stands with the hub. lost_since: since when it is LOST (UTC), until it is LIVE again.
        refusal: why the hub refused the credentials, while REFUSED. trouble: why the latest try failed.
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
    ) -> None:
        """Several urls are tried in turn, the first one first. Raises SetupError when one is not the address of a hub.

        Args:
            on_change: told of every change, from the event loop; it must not block.
            services: whose lines to follow; None: all, future ones too.
            follow: False for a client that only asks; it holds no lines.
            patience: how many seconds a change waits for its answer; see `request_raw`.
            ca_file: with the certificates of the authorities that are trusted for wss:// instead of the system's.
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
        self._session = ClientSession(credentials, client_name, timings)
        self._follower = Follower(self._session, self.replica, services if follow else ())
        self._answers = Answers()
        self._connection: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def hello(self) -> Hello | None:
        """What the hub said at the latest hello."""
        return self.replica.hello

    @property
    def address(self) -> str:
        """Of the hub that it is connected to, or tries next."""
        return self._hubs.address

    @property
    def last_operation(self) -> str | None:
        return self._session.last_operation

    @property
    def latency(self) -> float | None:
        """The last ping's round trip in seconds."""
        return self._session.latency

    def start(self) -> None:
        """Begins to connect, in the current loop. Returns at once."""
        if self._task is None:
            self._closing = False
            self._task = asyncio.get_event_loop().create_task(self._run(), name="hub client")

    async def aclose(self) -> None:
        """Closes the connection and ends the tasks; whoever waits for an answer gets `Unavailable`."""
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

    async def live(self, timeout: float = 10.0, *, retry: bool = True) -> Hello:
        """Waits until the client is LIVE. Raises the refusal, or `Unavailable` after `timeout` seconds.

        Without `retry` the first failure to reach the hub raises, too.
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
        """The answer to any method, undecoded. Raises HubError.

        A question fails with `Unavailable` after ten seconds. `keyed` for whatever changes something: it gets a key
        of its own and is repeated with it, so that it happens once. It fails with `Unavailable` when the hub has said
        for ten seconds that its database is away; while no hub answers at all it waits. A client with `patience`
        lets a change fail after so many seconds in either case. Whether it was made is not known then: look at
        the line. Cancelling abandons it.
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
                    tasks.create_task(_named("clock", self._keep_time()))
                    tasks.create_task(_named("connection", self._keep_connected()))
            except Exception:
                log.exception("The connection to the hub was lost by a fault of this program.")
                self._tell_of_the_loss()
                await asyncio.sleep(self._timings.longest_pause)

    def _tell_of_the_loss(self) -> None:
        try:
            self._forget_connection()
        except Exception:
            # The window's fault, too. To end for it would be to stay away from the hub for ever.
            log.exception("That the hub is lost could not be told.")

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(self._timings.tick)
            now = time.monotonic()
            try:
                self._take(self._session.tick(now), now)
                silent = self._session.is_dead(now) or (
                    self._hubs.has_others and self._session.is_stalled(now)
                )
            except HubError as error:
                log.info("Leaving the connection to the hub: %s", error)
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
        # With another hub to go to, this one has no longer to say a first word than any later one.
        seconds = self._timings.stall if self._hubs.has_others else self._timings.open
        async with open_connection(url, self._trusted, seconds) as connection:
            self._connection = connection
            self._session.connected(time.monotonic())
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_named("writer", self._write(connection)))
                    tasks.create_task(_named("reader", self._read(connection)))
            finally:
                # Going away is no fault; left to `async with`, it would be told to the hub as one (1011).
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
                        self._tell(self._follower.take_answer(event, now))
                case Push():
                    self._tell(self._follower.take_push(event, now))
                case HelloAccepted():
                    self.trouble = None
                    self._tell(self._follower.welcomed(event.hello, now))
                case HelloRefused():
                    self._turned_away(event)
        self._wake.set()
        self._report_state()

    def _turned_away(self, event: HelloRefused) -> None:
        log.info("The hub refused this client: %s", event.error)
        self.trouble = event.error
        if event.final:
            self.refusal = event.error
            if not self._persistent:
                self._answers.fail_all(event.error)
        raise event.error

    def _tell(self, changes: list[Change]) -> None:
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
            self.lost_since = datetime.now(UTC)
        self._changed.set()
        self._changed.clear()
        self._tell([StateChanged(state)])

    def _forget_connection(self) -> None:
        self._connection = None
        self._follower.disconnected()
        self._session.disconnected()
        self._report_state()


async def _named(name: str, work: Coroutine[Any, Any, None]) -> None:
    """One of the client's tasks; the traceback of a fault of it says which."""
    try:
        await work
    except Exception as error:
        error.add_note(f"This was the client's {name}.")
        raise
