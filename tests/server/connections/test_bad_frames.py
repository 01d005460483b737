"""Frames that violate the protocol get an error or a close code; the hub keeps serving."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from core.wire.protocol import MAX_REQUEST_BYTES
from server.timings import Timings
from tests.support.bare_sockets import HELLO, ask, code_of, open_socket, request
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess, hub_on
from tests.support.waiting import in_time


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("{", -32700, "parse_error"),
        ('{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": ' + "[" * 5000, -32700, "parse_error"),
        ("[]", -32600, "invalid_request"),
        ('{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600, "invalid_request"),
        (request("no.such", {}), -32601, "unknown_method"),
        (request("tickets.join", {"service": "A"}), -32602, "invalid_params"),
        (request("tickets.join", {"service": "A", "key": "k", "more": 1}), -32602, "invalid_params"),
        (request("tickets.join", {"service": "A", "key": "k" * 65}), -32602, "invalid_params"),
        (request("tickets.cancel", {"ticket": "not-a-uuid", "key": "k"}), -32602, "invalid_params"),
        (request("session.hello", HELLO), -32600, "invalid_request"),
    ],
)
async def test_a_wrong_request_gets_its_error(
    clinic: Clinic, hub: HubProcess, text: str, code: int, reason: str
) -> None:
    async with open_socket(hub) as socket:
        assert "result" in await ask(socket, request("session.hello", HELLO))
        error = (await ask(socket, text))["error"]
        assert (error["code"], error["data"]["reason"]) == (code, reason)
        assert error["message"].endswith((".", "!"))
        assert "result" in await ask(socket, request("ping", {}))


async def test_requests_before_hello_are_refused(clinic: Clinic, hub: HubProcess) -> None:
    async with open_socket(hub) as socket:
        refused = await ask(socket, request("services.list", {}))
        assert refused["error"]["data"]["reason"] == "unauthenticated"
        assert "result" in await ask(socket, request("session.hello", HELLO))


async def test_a_refused_subscription_keeps_the_previous(clinic: Clinic, hub: HubProcess) -> None:
    async with open_socket(hub) as socket:
        await ask(socket, request("session.hello", HELLO))
        assert (
            "A" in (await ask(socket, request("queue.subscribe", {"services": ["A"]})))["result"]["services"]
        )
        refused = await ask(socket, request("queue.subscribe", {"services": ["A", "X"]}))
        assert refused["error"]["data"]["reason"] == "unknown_service"
        await socket.send(request("tickets.join", {"service": "A", "key": "k"}))
        frames = [json.loads(await in_time(socket.recv())) for _ in range(2)]
        assert [frame.get("method") for frame in frames] == [None, "queue.event"]


@pytest.mark.parametrize(
    ("opcode", "payload", "code"),
    [
        (Opcode.BINARY, b"{}", 1003),
        (Opcode.TEXT, b"\xff\xfe", 1007),
        (Opcode.TEXT, b" " * (MAX_REQUEST_BYTES + 1), 1009),
    ],
)
async def test_a_frame_that_is_not_text_closes_the_connection(
    clinic: Clinic, hub: HubProcess, opcode: Opcode, payload: bytes, code: int
) -> None:
    async with open_socket(hub) as socket:
        await ask(socket, request("session.hello", HELLO))
        await socket.send(payload, text=opcode is Opcode.TEXT)
        with pytest.raises(ConnectionClosed) as closed:
            await in_time(socket.recv())
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
    async with open_socket(hub) as socket:
        assert "result" in await ask(socket, request("session.hello", HELLO))


async def test_a_client_that_does_not_say_hello_is_disconnected(clinic: Clinic) -> None:
    with hub_on(clinic.database_url, timings=Timings(hello=0.2)) as hub:
        async with open_socket(hub) as mute:
            assert await code_of(mute) == 4401


async def test_a_silent_client_is_disconnected(clinic: Clinic) -> None:
    with hub_on(clinic.database_url, timings=Timings(silence=3.0, sweep=0.05)) as hub:
        async with open_socket(hub) as silent:
            await ask(silent, request("session.hello", HELLO))
            assert await code_of(silent) == 4408
