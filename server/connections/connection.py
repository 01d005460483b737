"""Serves one client: signs it in, then answers its requests in order until the connection ends.

The next request is read when the reply to the one before is written. Pushes can be written between them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed

from core.errors import InvalidRequest, RateLimited, Unauthenticated
from core.line.tickets import SignedIn
from core.wire.protocol import (
    CLOSE_UNAUTHENTICATED,
    MAX_REQUEST_BYTES,
    PROTOCOL_VERSIONS,
    Request,
    decode_request,
    error_frame,
    reply_frame,
)
from server.connections.composition import HubComponents
from server.door.hub_socket import HubSocket
from server.door.known_clients import Principal
from server.door.limits import Limits, Pace
from server.door.throttle import address_of
from server.health.logs import RequestLog
from server.pushes.outbox import Outbox
from server.routers import execute
from server.routers.introduction import HelloParams, PairParams
from server.routers.registry import Context, as_hub_error, decode_params

log = logging.getLogger(__name__)

CLOSE_NOT_TEXT = 1003
REQUESTS_A_TURN = 8
"""Requests answered before the other tasks get a turn of the loop."""
NO_PARAMS = msgspec.Raw(b"{}")
_PROGRAM = re.compile(r"[A-Za-z-]{1,32}/[0-9A-Za-z.+]{1,24}")


class ClientConnection:
    """The hub's side of one WebSocket.

    Attributes:
        principal: the signed-in device or person; None before hello.
        heard_at: monotonic seconds of the last message received.
        leaving: whether the hub is closing the connection.
        visit: program, counter and begin of the connection; None before hello.
    """

    def __init__(
        self,
        socket: HubSocket,
        components: HubComponents,
        limits: Limits,
        on_admitted: Callable[[Principal], None],
        elsewhere: Callable[[Principal], tuple[SignedIn, ...]],
    ) -> None:
        """`elsewhere` returns the other connections of a person."""
        self.principal: Principal | None = None
        self.visit: SignedIn | None = None
        self.heard_at = monotonic()
        self._socket = socket
        self._components = components
        self._limits = limits
        self._on_admitted = on_admitted
        self._elsewhere = elsewhere
        self._address = address_of(str(socket.remote_address[0]))
        self.leaving = False
        # Revision of the configuration in the answer to the hello.
        self._told = 0

    async def run(self) -> None:
        """Serves the client until either side closes the connection."""
        with contextlib.suppress(ConnectionClosed):
            await self._live()

    async def close(self, code: int, reason: str) -> None:
        """Closes the connection; further requests are not executed. Aborts it after `timings.goodbye`."""
        self.leaving = True
        try:
            async with asyncio.timeout(self._components.timings.goodbye):
                await self._socket.close(code, reason)
        except TimeoutError:
            # The library waits without limit until the close frame is written; a client that doesn't read blocks that.
            self._socket.hang_up()
        except asyncio.CancelledError:
            # The chore that closes the connection failed. `leaving` keeps it from closing this one again.
            self._socket.hang_up()
            raise

    async def _live(self) -> None:
        try:
            async with asyncio.timeout(self._components.timings.hello):
                principal = await self._welcome()
        except TimeoutError:
            self._components.metrics.refuse_connection("hello_late")
            return await self.close(CLOSE_UNAUTHENTICATED, "no hello in time")
        if principal is None:
            return await self.close(CLOSE_UNAUTHENTICATED, "not authenticated")
        self._socket.trust(MAX_REQUEST_BYTES)
        self._on_admitted(principal)
        self._components.metrics.connected(principal.role)
        try:
            await self._serve(principal)
        finally:
            self._components.metrics.disconnected(principal.role)

    async def _receive(self) -> str | None:
        """The next text message; None if the connection ended or is closing, or the message was not text."""
        try:
            message = await self._socket.recv()
        except ConnectionClosed:
            return None
        if self.leaving:
            return None
        self.heard_at = monotonic()
        if isinstance(message, bytes):
            self._components.metrics.refuse_connection("malformed")
            await self.close(CLOSE_NOT_TEXT, "text frames only")
            return None
        return message

    async def _welcome(self) -> Principal | None:
        """Answers requests until a hello succeeds; None if the client left, was refused, or sent too many requests."""
        for _ in range(self._limits.requests_before_hello):
            message = await self._receive()
            if message is None:
                return None
            request: Request | None = None
            try:
                request = decode_request(message)
                # Set before replying, so that a revocation meanwhile finds this connection.
                self.principal, result = await self._introduce(request)
            except Exception as error:  # noqa: BLE001  every failure is answered
                _, refusal = _refusal(request, error)
                await self._socket.send(refusal.decode())
                if isinstance(error, Unauthenticated) and request and request.method.startswith("session."):
                    return None
                continue
            await self._socket.send(reply_frame(request.id, result).decode())
            if self.principal is not None:
                return self.principal
        return None

    async def _introduce(self, request: Request) -> tuple[Principal | None, Any]:
        access = self._components.access
        if request.method == "session.pair":
            pairing = decode_params(request.params, PairParams)
            return None, await access.pair(pairing.code, self._address, pairing.role)
        if request.method != "session.hello":
            raise Unauthenticated("Please say session.hello first.")
        hello = decode_params(request.params, HelloParams)
        try:
            principal = await access.admit(hello.credentials, self._address)
        except (Unauthenticated, RateLimited) as refusal:
            if hello.credentials.password:
                throttled = isinstance(refusal, RateLimited)
                self._components.metrics.sign_in("throttled" if throttled else "refused")
            raise
        if hello.credentials.password:
            self._components.metrics.sign_in("accepted")
        # Log only a word that looks like a program's name: the client may send any text.
        program = hello.client if _PROGRAM.fullmatch(hello.client) else "another program"
        log.info("%s (%s) connected with %s", principal.actor, principal.role, program)
        self.visit = SignedIn(client=program, since=datetime.now(UTC))
        return principal, self._hello_result(principal)

    def _hello_result(self, principal: Principal) -> dict[str, Any]:
        row = self._components.clinic_lists.site
        self._told = row.config_revision
        return {
            "session": principal.session,
            "role": principal.role,
            "name": principal.name,
            "server": {"name": "inturn", "version": self._components.version},
            "epoch": row.epoch,
            "protocol": PROTOCOL_VERSIONS,
            "site": row.site,
            "config_revision": row.config_revision,
            "time": datetime.now(UTC),
            "elsewhere": self._elsewhere(principal),
        }

    async def _serve(self, principal: Principal) -> None:
        outbox = Outbox(self._socket, principal.role, principal.view, principal.actor, self._told)
        pace, requests = self._pace_of(principal), RequestLog(principal.actor)
        try:
            turn = 0
            while (message := await self._receive()) is not None:
                if self._socket.has_more:
                    # Queued requests are read without a pause: now and then, let the other tasks run.
                    turn += 1
                    if turn % REQUESTS_A_TURN == 0:
                        await asyncio.sleep(0)
                wait = pace.take()
                await self._answer(principal, outbox, message, requests, wait)
                if wait:
                    # Nothing is read meanwhile: a flood waits in the client's computer.
                    await asyncio.sleep(wait)
        finally:
            await self._components.notifications.subscribers.unsubscribe(outbox)

    def _note_counter(self, counter: str | None) -> None:
        if self.visit is not None and self.visit.counter != counter:
            self.visit = msgspec.structs.replace(self.visit, counter=counter)

    def _pace_of(self, principal: Principal) -> Pace:
        limits = self._limits
        if principal.actor.startswith("device:"):
            return Pace(limits.device_rate, limits.device_burst)
        return Pace(limits.people_rate, limits.people_rate)

    async def _answer(
        self, principal: Principal, outbox: Outbox, message: str, requests: RequestLog, wait: float
    ) -> None:
        components = self._components
        context = Context(
            principal,
            outbox,
            components.operations,
            components.administration,
            components.notifications,
            components.access,
            components.condition.report,
        )
        context.counter = self.visit.counter if self.visit is not None else None
        request: Request | None = None
        outcome, result = "ok", None
        started = monotonic()
        try:
            request = decode_request(message)
            if wait:
                raise _too_fast(wait)
            if request.method.startswith("session.hello"):
                raise InvalidRequest("This connection has said hello already.")
            result = await execute(context, request.method, request.params)
            self._note_counter(context.counter)
            text = reply_frame(request.id, result)
        except Exception as error:  # noqa: BLE001  every failure is answered
            outcome, text = _refusal(request, error)
        seconds = monotonic() - started
        method, params = (request.method, request.params) if request else ("", NO_PARAMS)
        components.metrics.observe(method, outcome, seconds)
        requests.write(method, params, outcome, seconds, result)
        if request is None or request.id is not None:
            await outbox.reply(text)
        if context.after_reply is not None:
            context.after_reply()


def _refusal(request: Request | None, error: Exception) -> tuple[str, bytes]:
    """The reason of an error and its frame. A function, so that `_answer` does not keep the exception in a cycle."""
    refusal = as_hub_error(error)
    return refusal.reason, error_frame(request.id if request else None, refusal)


def _too_fast(wait: float) -> RateLimited:
    return RateLimited("That was too fast. Please wait a moment.", retry_after=round(wait + 0.001, 3))
