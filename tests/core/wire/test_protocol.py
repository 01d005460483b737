"""Frames are encoded and decoded; malformed bytes raise HubError and nothing else."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BY_REASON, HubError, InvalidRequest, ParseError, hub_error
from core.line.tickets import Site
from core.wire import protocol


def test_a_request_survives_the_wire() -> None:
    request = protocol.decode_request(protocol.request_frame(7, "tickets.join", {"service": "A"}))
    assert (request.id, request.method) == (7, "tickets.join")
    assert json.loads(bytes(request.params)) == {"service": "A"}


def test_a_reply_and_a_push_survive_the_wire() -> None:
    reply = protocol.decode_incoming(protocol.reply_frame(3, {"time": "now"}))
    assert (reply.id, reply.method, json.loads(bytes(reply.result))) == (3, None, {"time": "now"})
    push = protocol.decode_incoming(protocol.push_frame("config.changed", {"revision": 4}))
    assert (push.id, push.method, json.loads(bytes(push.params))) == (None, "config.changed", {"revision": 4})


@pytest.mark.parametrize("reason", sorted(BY_REASON))
def test_an_error_survives_the_wire(reason: str) -> None:
    sent = hub_error(reason, "Sorry.", retry_after=2)
    body = protocol.decode_incoming(protocol.error_frame(1, sent)).error
    assert body is not None
    received = protocol.error_from_reply(body)
    assert type(received) is type(sent)
    assert (received.message, received.reason, received.data) == ("Sorry.", reason, {"retry_after": 2})


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000])
def test_bytes_that_are_not_json_are_a_parse_error(text: bytes) -> None:
    for decode in (protocol.decode_request, protocol.decode_incoming):
        with pytest.raises((ParseError, InvalidRequest)):
            decode(text)


@pytest.mark.parametrize(
    "value",
    [
        [],
        1,
        "x",
        {},
        {"jsonrpc": "1.0", "method": "ping"},
        {"jsonrpc": "2.0", "method": 1},
        {"jsonrpc": "2.0"},
    ],
)
def test_json_of_another_shape_is_no_request(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        protocol.decode_request(json.dumps(value))


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_but_hub_errors(text: bytes) -> None:
    for decode in (protocol.decode_request, protocol.decode_incoming):
        with suppress(HubError):
            decode(text)


def test_a_value_of_another_shape_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        protocol.decode_value(msgspec.Raw(b'{"name": 3}'), Site)
