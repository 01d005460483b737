"""A hub with scripted answers, for behaviour that a real hub shows never or not on request."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from core.errors import HubError
from core.wire import protocol
from tests.core.wire.test_session import HELLO

Answer = Callable[[dict[str, Any]], Any]


class ScriptedHub:
    """Answers requests from a table; a method without an entry gets no answer.

    Attributes:
        url: for clients.
        asked: the requests, in order.
        answers: method -> function from parameters to the result, or to a HubError that becomes an error reply.
        refuses_with: the code with which new connections are closed; None: they are accepted.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Answer] = {
            "session.hello": lambda params: HELLO,
            "services.list": lambda params: {"services": []},
            "counters.list": lambda params: {"counters": []},
            "queue.subscribe": lambda params: {"services": {}},
            "ping": lambda params: {"time": HELLO["time"]},
        }
        self.refuses_with: int | None = None
        self._connections: set[ServerConnection] = set()

    @classmethod
    @asynccontextmanager
    async def running(cls, context: ssl.SSLContext | None = None) -> AsyncIterator[Self]:
        """A hub that listens while the block runs, with TLS if `context` is given."""
        hub = cls()
        async with serve(
            hub._talk, "127.0.0.1", 0, subprotocols=[Subprotocol(protocol.SUBPROTOCOL)], ssl=context
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            hub.url = f"{'wss' if context else 'ws'}://127.0.0.1:{port}/ws"
            yield hub

    def asked_for(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every request with the method."""
        return [request["params"] for request in self.asked if request["method"] == method]

    async def push(self, method: str, params: Any) -> None:
        """Sends a push to every client."""
        for connection in self._connections:
            await connection.send(protocol.push_frame(method, params).decode())

    async def hang_up(self, code: int = 1001) -> None:
        """Closes every connection."""
        await asyncio.gather(*(connection.close(code) for connection in list(self._connections)))

    async def _talk(self, connection: ServerConnection) -> None:
        if self.refuses_with is not None:
            await connection.close(self.refuses_with)
        self._connections.add(connection)
        with suppress(ConnectionClosed):
            async for text in connection:
                request = json.loads(text)
                self.asked.append(request)
                frame = self._answer(request)
                if frame is not None:
                    await connection.send(frame.decode())
        self._connections.discard(connection)

    def _answer(self, request: dict[str, Any]) -> bytes | None:
        answer = self.answers.get(request["method"])
        if answer is None:
            return None
        result = answer(request["params"])
        if isinstance(result, HubError):
            return protocol.error_frame(request["id"], result)
        return protocol.reply_frame(request["id"], result)
