"""The OpenRPC document equals the code's, is valid, and describes every method as each role and view sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from uuid import uuid4

import pytest
from jsonschema import Draft7Validator

from core.client.hub_client import HubClient
from core.client.hub_connection import pair
from core.errors import HubError, Unauthenticated
from core.wire.session import DeviceCredentials, PersonCredentials
from server.administration import people_and_devices
from server.routers.registry import REGISTRY
from tests.server.routers.test_operations_over_the_wire import refused, seated
from tests.support.changing_methods import CHANGES, READINGS
from tests.support.clinic import PASSWORD, Clinic
from tests.support.described_wire import DOCUMENT, METHODS, PUSHES, check
from tests.support.hub_process import HubProcess
from tests.support.places import META_SCHEMA, ROOT
from tests.support.waiting import until
from tests.support.wire_recording import Recording, RecordingRelay


def test_the_written_document_equals_the_codes() -> None:
    written = json.loads((ROOT / "docs" / "openrpc.json").read_text("utf-8"))
    assert written == DOCUMENT, "docs/openrpc.json differs from the code: renew it with `make openrpc`"


def test_the_document_is_valid_openrpc() -> None:
    meta = Draft7Validator(json.loads(META_SCHEMA.read_text("utf-8")))
    assert [f"{error.json_path}: {error.message}" for error in meta.iter_errors(DOCUMENT)] == []
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
    for reference in set(re.findall(r'"\$ref": "#/components/([^"]+)"', json.dumps(DOCUMENT))):
        kind, _, name = reference.partition("/")
        assert name in DOCUMENT["components"][kind], reference


def test_every_method_is_described_in_words() -> None:
    assert set(METHODS) == {*REGISTRY, "session.hello", "session.pair"}
    for method in METHODS.values():
        assert method["summary"].endswith("."), method["name"]
        assert method["description"].endswith("."), method["name"]


async def call_every_method(client: HubClient, role: str) -> None:
    """Calls every method that the role may call, each with parameters with which it succeeds."""
    allowed = [method for method, command in REGISTRY.items() if role in command.roles]
    await client.request("queue.subscribe", {"services": None, "since": {"A": 0}})
    for method in [method for method in READINGS if method in allowed]:
        await client.request(method, await READINGS[method](client))
    for method in [method for method in CHANGES if method in allowed]:
        await client.request(method, await CHANGES[method][0](client), keyed=True)
    assert set(allowed) <= {"queue.subscribe", *READINGS, *CHANGES, "session.end"}, (
        "a method is not called here: add it to tests/support/changing_methods.py"
    )


async def provoke_refusals(client: HubClient) -> None:
    """Provokes every refusal of a line's operations, and sends parameters that don't fit."""
    await client.open_service("C")
    waiting, unknown = await client.join_queue("A"), str(uuid4())
    at_counter, done = await seated(client, counter="R1"), await seated(client, counter="R2")
    await client.complete(done.id)
    await client.pause_counter("R2")
    await client.close_service("C")
    await refused(client, waiting.id, at_counter.id, done.id, unknown)
    for method in REGISTRY:
        with pytest.raises(HubError):
            await client.request(method, {"made_up": 1})


@pytest.mark.long
@pytest.mark.logs_expected
async def test_every_answer_and_push_is_as_described(clinic: Clinic, hub: HubProcess) -> None:
    engine = clinic.engine()
    for code in ("R8", "R9"):
        people_and_devices.add_counter(engine, code, code, ["C"])
    seen: dict[str, set[str]] = {}

    async with RecordingRelay(hub.url) as relay, contextlib.AsyncExitStack() as clients:
        admitted = {}
        for role, credentials in credentials_of(clinic).items():
            client = HubClient(relay.url, credentials)
            admitted[role] = await clients.enter_async_context(client)
            await call_every_method(client, role)
        await provoke_refusals(admitted["admin"])
        assert await admitted["monitor"].discover() == DOCUMENT
        await asyncio.to_thread(people_and_devices.add_service, engine, "V", "Vaccinations", None)
        recordings = dict(zip(admitted, relay.recordings, strict=True))
        await until(
            lambda: all(has_every_push(*recorded) for recorded in recordings.items()), what="every push"
        )
        await admitted["admin"].request("session.end")
        seen.update({role: check(recording) for role, recording in recordings.items()})
    engine.dispose()
    for role, methods in seen.items():
        expected = {name for name, described in (METHODS | PUSHES).items() if role in described["x-roles"]}
        assert expected - methods <= {"session.end"}, role
    assert len({name for name in seen["admin"] if "!" in name}) >= 60


@pytest.mark.logs_expected
async def test_hello_and_pairing_are_as_described(clinic: Clinic, hub: HubProcess) -> None:
    engine = clinic.engine()
    code = people_and_devices.pair_device(engine, "kiosk", "Second kiosk")
    engine.dispose()

    async with RecordingRelay(hub.url) as relay:
        await pair(relay.url, code, "inturn-kiosk")
        with pytest.raises(Unauthenticated):
            await pair(relay.url, code, "inturn-kiosk")
        stranger = HubClient(relay.url, PersonCredentials("nobody", "wrong"))
        stranger.start()
        with pytest.raises(Unauthenticated):
            await stranger.live()
        await stranger.aclose()
        described = set().union(*map(check, relay.recordings))
    assert described == {"session.pair", "session.pair!unauthenticated", "session.hello!unauthenticated"}


def has_every_push(role: str, recording: Recording) -> bool:
    """Whether the client received every push that is described for its role."""
    names = [name for name, push in PUSHES.items() if role in push["x-roles"]]
    return all(f'"method":"{name}"'.encode() in recording.received for name in names)


def credentials_of(clinic: Clinic) -> dict[str, PersonCredentials | DeviceCredentials]:
    """Credentials for each role."""
    people = {role: PersonCredentials(role, PASSWORD) for role in ("staff", "supervisor", "admin")}
    return {"kiosk": clinic.kiosk, "monitor": clinic.monitor, **people}
