"""Thousands of nearly valid requests: each gets a reply, none is an internal error, and the hub keeps serving."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import count
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from server import routers
from server.door.limits import Limits
from server.routers.registry import REGISTRY
from tests.support.bare_sockets import HELLO, ask, open_socket, reason_of, request, say_hello
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.mutations import mutated, valid_request
from tests.support.proof_size import proof_size
from tests.support.waiting import in_time

REQUESTS = proof_size(1200, 100_000)
HELLOS = proof_size(60, 2000)
AT_ONCE = 25
UNHURRIED = Limits(people_rate=10**6, device_rate=10**6, device_burst=10**6)
METHODS = sorted(set(REGISTRY) - {"session.end"})
"""All methods but the one that ends the connection."""
assert len(METHODS) > 20, routers.__doc__


async def answers_until(socket: ClientConnection, last: int) -> list[dict[str, Any]]:
    """The frames before the reply with the id `last`."""
    frames: list[dict[str, Any]] = []
    while not frames or frames[-1].get("id") != last:
        frames.append(json.loads(await in_time(socket.recv())))
    return frames[:-1]


async def fuzz(socket: ClientConnection, source: random.Random, ticket: str, found: Counter[str]) -> None:
    """Sends mutated requests in batches of `AT_ONCE`, and counts the reasons of their replies."""
    ids = count(10**7)
    for _ in range(REQUESTS // AT_ONCE // 2):
        sent = [
            mutated(source, valid_request(source, source.choice(METHODS), ticket)) for _ in range(AT_ONCE)
        ]
        for text in sent:
            await socket.send(text)
        last = next(ids)
        await socket.send(request("ping", {}, last))
        replies = [frame for frame in await answers_until(socket, last) if "method" not in frame]
        for reply in replies:
            assert ("result" in reply) != ("error" in reply), reply
        reasons = [reason_of(reply) or "ok" for reply in replies]
        assert "internal_error" not in reasons, sent
        found.update(reasons)
        # A request that lost its id is a notification: it is done and gets no reply.
        assert len(replies) <= AT_ONCE


@pytest.mark.parametrize("seed", [proof_size(20261123, random.randrange(10**9))])
async def test_mutated_requests_are_answered_without_internal_errors(clinic: Clinic, seed: int) -> None:
    hub = HubProcess(clinic.database_url, limits=UNHURRIED)
    print(f"seed {seed}")

    try:
        source, found = random.Random(seed), Counter[str]()
        async with open_socket(hub) as person, open_socket(hub) as kiosk:
            await say_hello(person, username="supervisor", password=clinic.supervisor.password)
            await say_hello(kiosk, token=clinic.kiosk.token)
            joined = await ask(person, request("tickets.join", {"service": "A", "key": "first"}))
            ticket = joined["result"]["ticket"]["id"]
            for socket in (person, kiosk):
                await fuzz(socket, source, ticket, found)
            assert reason_of(await ask(person, request("ping", {}))) == ""
        print(dict(found.most_common()))
        assert {
            "ok",
            "parse_error",
            "invalid_request",
            "invalid_params",
            "forbidden",
            "unknown_method",
        } <= set(found)
        await assert_still_serving(hub)
        assert clinic.rows("SELECT count(*) FROM tickets WHERE status = 'waiting'")[0][0] >= 1
        assert hub.terminate() == 0
    finally:
        hub.kill()


async def assert_still_serving(hub: HubProcess) -> None:
    """Asserts that a patient can join and that every line is sound."""
    async with open_socket(hub) as socket:
        await say_hello(socket, username="supervisor", password=HELLO["credentials"]["password"])
        joined = await ask(socket, request("tickets.join", {"service": "B", "key": "honest"}))
        assert reason_of(joined) == ""
        for service in "ABC":
            sound = await ask(socket, request("queue.validate_integrity", {"service": service}))
            assert sound["result"]["missing_positions"] == sound["result"]["duplicate_positions"] == []


async def test_mutated_hellos_are_answered_or_their_connection_closed(
    clinic: Clinic, hub: HubProcess
) -> None:
    source = random.Random(7)
    hellos = [
        {"client": "fuzz/1", "credentials": {"token": clinic.kiosk.token}},
        {"client": "fuzz/1", "credentials": {"session": "x"}},
        HELLO,
        {"code": "ABCDEFG"},
    ]

    found = Counter[str]()
    for _ in range(HELLOS):
        method = source.choice(["session.hello", "session.hello", "session.pair"])
        hello = {"jsonrpc": "2.0", "id": 1, "method": method, "params": source.choice(hellos)}
        async with open_socket(hub) as socket:
            try:
                await socket.send(mutated(source, hello))
                await socket.send("the end")
                answer = json.loads(await in_time(socket.recv()))
                found[reason_of(answer) or "ok"] += 1
            except ConnectionClosed as closed:
                found[str(closed.rcvd.code if closed.rcvd else "no code")] += 1
    print(dict(found))
    assert "internal_error" not in found
    assert set(found) <= {
        "ok",
        "unauthenticated",
        "rate_limited",
        "parse_error",
        "invalid_request",
        "invalid_params",
        "4401",
        "1009",
    }
    async with open_socket(hub) as socket:
        assert reason_of(await say_hello(socket, token=clinic.kiosk.token)) == ""
