"""Objects of an ended connection or a refusal are freed at once: no garbage waits for a collection during the work."""

from __future__ import annotations

import gc
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from operator import attrgetter

import pytest
from websockets.server import ServerProtocol

from core.wire.protocol import MAX_HELLO_BYTES, MAX_REQUEST_BYTES
from server.connections.hub import Hub
from server.door.hub_socket import UNDOCUMENTED, HubSocket
from server.pushes.outbox import Outbox
from tests.support.bare_sockets import ask, code_of, open_socket, reason_of, request, say_hello
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess, running
from tests.support.memory_use import file_table
from tests.support.places import ROOT
from tests.support.raw_frames import CLOSE, TEXT, UPGRADE, RawConnection, frame, hello
from tests.support.waiting import until

KINDS = (HubSocket, ServerProtocol, Outbox, Exception)
ENDINGS = {
    "silent": b"",
    "half a handshake": UPGRADE[:30],
    "headers without end": UPGRADE[:-2] + b"X: " + b"y" * 20_000,
    "no hello": UPGRADE,
    "a broken frame": UPGRADE + frame(TEXT, b"{}", rsv=4),
    "a goodbye": UPGRADE + frame(CLOSE, b"\x03\xe8"),
    "a refused request": UPGRADE + frame(TEXT, b"{}"),
}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """The garbage collector is off during the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def object_counts() -> list[int]:
    """The number of this process's objects of each of `KINDS`, reachable or not."""
    types = [type(found) for found in gc.get_objects()]
    return [sum(issubclass(found, kind) for found in types) for kind in KINDS]


async def all_freed(before: list[int]) -> None:
    """Waits until the counts are as before."""
    await until(
        lambda: object_counts() == before, what=f"no objects to be left: {object_counts()}, before {before}"
    )


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.usefixtures("uncollected")
async def test_no_object_of_an_ended_connection_waits_for_the_garbage_collector(
    clinic: Clinic, ending: str
) -> None:
    async with running(Hub(clinic.database_url)) as hub:
        before = object_counts()
        for _ in range(5):
            connection = await RawConnection.open(hub.port)
            connection.writer.write(ENDINGS[ending])
            await until(lambda: object_counts() > before, what="the connection")
            connection.close()
        await all_freed(before)


@pytest.mark.usefixtures("uncollected")
async def test_no_object_of_a_refusal_waits_for_the_garbage_collector(clinic: Clinic) -> None:
    requests = ["{}", request("queue.subscribe", {"services": ["A"]}), request("nobody.knows", {}), "["]
    async with running(Hub(clinic.database_url)) as hub:
        before = object_counts()
        connection = await RawConnection.open(hub.port)
        await connection.upgrade()
        connection.writer.write(frame(TEXT, b"{}") + hello(clinic.kiosk.token))
        connection.writer.write(b"".join(frame(TEXT, sent.encode()) for sent in requests))
        answers = [json.loads((await connection.read_frame())[1]) for _ in range(2 + len(requests))]
        refused = [reason_of(answer) for answer in answers]
        assert refused == [
            "invalid_request",
            "",
            "invalid_request",
            "",
            "unknown_method",
            "invalid_request",
        ]
        connection.close()
        await all_freed(before)


async def test_every_undocumented_name_exists_and_has_its_reason(clinic: Clinic) -> None:
    async with running(Hub(clinic.database_url)) as hub, open_socket(hub):
        [connection] = next(iter(hub._servers)).connections
        for name, reason in UNDOCUMENTED.items():
            attrgetter(name)(connection)
            assert len(reason) > 20


def test_the_installed_websockets_is_a_tested_version() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    [bounds] = [
        found for package in needed if (found := re.fullmatch(r"websockets>=([\d.]+),<([\d.]+)", package))
    ]
    low, high, installed = (
        tuple(map(int, number.split("."))) for number in (*bounds.groups(), version("websockets"))
    )
    assert low <= installed < high
    assert high <= (low[0], low[1] + 1)


def test_no_other_module_uses_an_undocumented_name() -> None:
    own = ROOT / "server/door/hub_socket.py"
    for name in UNDOCUMENTED:
        assert re.search(rf"(?:\.|def ){name.rpartition('.')[2]}\b", own.read_text("utf-8")), name
    named = "|".join(name.rpartition(".")[2] for name in UNDOCUMENTED)
    used = re.compile(rf"(?:_socket|connection|server)\.(?:protocol|recv_messages|{named})\b")
    sources = [file for folder in ("server", "core") for file in (ROOT / folder).rglob("*.py")]
    found = {file.name for file in sources if used.search(file.read_text("utf-8"))}
    assert found <= {"hub_socket.py", "hub_connection.py"}


@pytest.mark.parametrize(("size", "code"), [(MAX_HELLO_BYTES, None), (MAX_HELLO_BYTES + 1, 1009)])
async def test_a_frame_before_hello_may_be_no_longer_than_a_hello(
    hub: HubProcess, size: int, code: int | None
) -> None:
    async with open_socket(hub) as stranger:
        await stranger.send("x" * size)
        if code is None:
            assert reason_of(json.loads(await stranger.recv())) == "parse_error"
        else:
            assert await code_of(stranger) == code


async def test_a_frame_after_hello_may_be_longer(hub: HubProcess) -> None:
    async with open_socket(hub) as client:
        await say_hello(client)
        assert reason_of(await ask(client, "x" * MAX_REQUEST_BYTES)) == "parse_error"
        await client.send("x" * (MAX_REQUEST_BYTES + 1))
        assert await code_of(client) == 1009


@pytest.mark.skipif(sys.platform != "linux", reason="the table is read from /proc")
def test_the_table_of_files_has_room_for_all_connections_from_the_start(
    clinic: Clinic, hub: HubProcess
) -> None:
    """Growing in a crowd, it would block the hub (DECISIONS: How does one process stay prompt among strangers?)."""
    assert file_table(hub.pid) >= 2000
