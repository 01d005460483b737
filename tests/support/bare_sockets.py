"""Connections without a client's manners: what a test sends is what the hub gets."""

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


def open_socket(hub: HubProcess | Hub, **how: Any) -> connect:
    """A bare connection, without a hello."""
    return connect(
        hub.url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None, ping_interval=None, **how
    )


async def ask(socket: ClientConnection, text: str) -> Any:
    """Sends a text and returns the next frame, the answer if nothing is subscribed."""
    await socket.send(text)
    return json.loads(await in_time(socket.recv()))


def request(method: str, params: Any, request_id: int = 1) -> str:
    """A well-formed request."""
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


async def say_hello(socket: ClientConnection, **credentials: str) -> Any:
    """The answer to a hello with these credentials; the staff's unless given."""
    hello = {"credentials": credentials} if credentials else HELLO
    return await ask(socket, request("session.hello", hello))


def reason_of(answer: Any) -> str:
    """The reason of a refusal; "" of an answer that is none."""
    return str(answer["error"]["data"]["reason"]) if "error" in answer else ""


async def code_of(socket: ClientConnection) -> int:
    """The code with which the hub closes the connection, whatever it says before."""
    async with asyncio.timeout(WAIT_SECONDS):
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012  any number of frames may come first
            while True:
                await socket.recv()
    assert closed.value.rcvd is not None, "the connection ended without a code"
    return closed.value.rcvd.code
