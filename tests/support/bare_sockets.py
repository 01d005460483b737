"""WebSocket connections without the client library: the hub gets exactly the frames that a test sends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from core.wire.protocol import SUBPROTOCOL
from server.connections.hub import Hub
from tests.support.clinic import PASSWORD
from tests.support.hub_process import HubProcess
from tests.support.waiting import WAIT_SECONDS, in_time

HELLO = {"credentials": {"username": "staff", "password": PASSWORD}}


def open_socket(hub: HubProcess | Hub, **options: Any) -> connect:
    """A connection that has not said hello."""
    return connect(
        hub.url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None, ping_interval=None, **options
    )


async def ask(socket: ClientConnection, text: str) -> Any:
    """Sends a text frame and returns the next frame, which is the reply if nothing is subscribed."""
    await socket.send(text)
    return json.loads(await in_time(socket.recv()))


def request(method: str, params: Any, request_id: int = 1) -> str:
    """A well-formed request."""
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


async def say_hello(socket: ClientConnection, **credentials: str) -> Any:
    """Says hello with these credentials (default: the staff's); returns the reply."""
    hello = {"credentials": credentials} if credentials else HELLO
    return await ask(socket, request("session.hello", hello))


def reason_of(answer: Any) -> str:
    """The reason of a refusal; "" for a result."""
    return str(answer["error"]["data"]["reason"]) if "error" in answer else ""


async def code_of(socket: ClientConnection) -> int:
    """The code with which the hub closes the connection; frames before it are skipped."""
    async with asyncio.timeout(WAIT_SECONDS):
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012  any number of frames may come first
            while True:
                await socket.recv()
    assert closed.value.rcvd is not None, "the connection ended without a code"
    return closed.value.rcvd.code
