"""One client from its hello to its end: who it is, what it asks, one request after the other.

A client's own order is kept: its next request is read when the reply to the one before is written. Pushes go between.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from core.errors import InvalidRequest, Unauthenticated
from core.protocol import (
    CLOSE_SILENT,
    CLOSE_UNAUTHENTICATED,
    HELLO_SECONDS,
    PROTOCOL_VERSIONS,
    Request,
    decode_request,
    error_frame,
    reply_frame,
)
from server.access import Principal
from server.commands import Context, as_hub_error, decode_params
from server.introduction import HelloParams, PairParams
from server.outbox import Outbox
from server.parts import HubParts
from server.routers import execute

log = logging.getLogger(__name__)

CLOSE_NOT_TEXT = 1003


class ClientConnection:
    """The hub's side of one WebSocket.

    Attributes:
        principal: who it is; None before hello.
        heard_at: monotonic seconds of the last frame.
    """

    def __init__(self, socket: ServerConnection, parts: HubParts) -> None:
        self.principal: Principal | None = None
        self.heard_at = monotonic()
        self._socket = socket
        self._parts = parts

    async def run(self) -> None:
        """Serves the client until it leaves, at whatever moment, or is sent away."""
        with contextlib.suppress(ConnectionClosed):
            await self._live()

    def is_admitted(self, admitted: dict[str, str]) -> bool:
        """Whether this client may stay, by who is admitted now: actor -> role. Before hello it may."""
        principal = self.principal
        return principal is None or admitted.get(principal.actor) == principal.role

    async def _live(self) -> None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                principal = await self._welcome()
        except TimeoutError:
            return await self.close(CLOSE_UNAUTHENTICATED, "no hello in time")
        if principal is None:
            return await self.close(CLOSE_UNAUTHENTICATED, "not authenticated")
        self.principal = principal
        self._parts.metrics.connections.labels(principal.role).inc()
        try:
            await self._serve(principal)
        finally:
            self._parts.metrics.connections.labels(principal.role).dec()

    async def close(self, code: int, reason: str) -> None:
        """Sends the client away."""
        await self._socket.close(code, reason)

    async def close_if_silent(self, seconds: float) -> None:
        """Sends the client away if nothing came from it for so long."""
        if monotonic() - self.heard_at > seconds:
            await self.close(CLOSE_SILENT, "silent")

    async def _receive(self) -> str | None:
        """The next text; None when the client left or spoke something else."""
        try:
            message = await self._socket.recv()
        except ConnectionClosed:
            return None
        self.heard_at = monotonic()
        if isinstance(message, bytes):
            await self.close(CLOSE_NOT_TEXT, "text frames only")
            return None
        return message

    async def _welcome(self) -> Principal | None:
        """Answers requests until one of them is a good hello; None when the client gave up or was refused."""
        while (message := await self._receive()) is not None:
            request: Request | None = None
            try:
                request = decode_request(message)
                principal, result = await self._introduce(request)
            except Exception as error:  # noqa: BLE001  every failure is answered
                refusal = as_hub_error(error)
                await self._socket.send(error_frame(request.id if request else None, refusal).decode())
                if isinstance(refusal, Unauthenticated) and request and request.method.startswith("session."):
                    return None
                continue
            await self._socket.send(reply_frame(request.id, result).decode())
            if principal is not None:
                return principal
        return None

    async def _introduce(self, request: Request) -> tuple[Principal | None, Any]:
        if request.method == "session.pair":
            return None, await self._parts.access.pair(decode_params(request.params, PairParams).code)
        if request.method != "session.hello":
            raise Unauthenticated("Please say session.hello first.")
        hello = decode_params(request.params, HelloParams)
        principal = await self._parts.access.admit(hello.credentials)
        log.info("%s (%s) connected with %.40s", principal.actor, principal.role, hello.client)
        return principal, self._hello_result(principal)

    def _hello_result(self, principal: Principal) -> dict[str, Any]:
        row = self._parts.overview.site
        return {
            "session": principal.session,
            "role": principal.role,
            "name": principal.name,
            "server": {"name": "inturn", "version": self._parts.version},
            "epoch": row.epoch,
            "protocol": PROTOCOL_VERSIONS,
            "site": row.site,
            "config_revision": row.config_revision,
            "time": datetime.now(UTC),
        }

    async def _serve(self, principal: Principal) -> None:
        outbox = Outbox(self._socket, principal.role, principal.view, principal.actor)
        try:
            while (message := await self._receive()) is not None:
                await self._answer(principal, outbox, message)
        finally:
            await self._parts.notifications.unsubscribe(outbox)

    async def _answer(self, principal: Principal, outbox: Outbox, message: str) -> None:
        parts = self._parts
        context = Context(principal, outbox, parts.operations, parts.notifications, parts.access)
        request: Request | None = None
        outcome = "ok"
        started = monotonic()
        try:
            request = decode_request(message)
            if request.method.startswith("session.hello"):
                raise InvalidRequest("This connection has said hello already.")
            text = reply_frame(request.id, await execute(context, request.method, request.params))
        except Exception as error:  # noqa: BLE001  every failure is answered
            refusal = as_hub_error(error)
            outcome = refusal.reason
            text = error_frame(request.id if request else None, refusal)
        parts.metrics.observe(request.method if request else "", outcome, monotonic() - started)
        if request is None or request.id is not None:
            await outbox.reply(text)
        if context.after_reply is not None:
            context.after_reply()
