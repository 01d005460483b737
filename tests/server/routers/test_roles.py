"""Which role may call which method: every combination, over real sockets."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core.client.hub_client import HubClient
from core.wire.protocol import SUBPROTOCOL
from core.wire.session import PersonCredentials
from server.administration import people_and_devices
from server.routers.registry import REGISTRY
from tests.support.changing_methods import CHANGES, READINGS, Prepare, fixed
from tests.support.clinic import PASSWORD, Clinic
from tests.support.logged_hub import LoggedHub
from tests.support.waiting import until

ACTORS = {
    "kiosk": "device:1",
    "monitor": "device:2",
    "staff": "user:1",
    "supervisor": "user:2",
    "admin": "user:3",
}
"""Role -> the actor in events and logs, for the template's account of the role."""
ROLES = tuple(ACTORS)
PEOPLE = "staff supervisor admin"
ALL_ROLES = f"kiosk monitor {PEOPLE}"

PROTOCOL = {
    "services.list": ALL_ROLES,
    "counters.list": f"monitor {PEOPLE}",
    "counters.open": PEOPLE,
    "counters.pause": PEOPLE,
    "counters.close": PEOPLE,
    "queue.subscribe": ALL_ROLES,
    "queue.snapshot": ALL_ROLES,
    "tickets.join": f"kiosk {PEOPLE}",
    "tickets.get": f"kiosk {PEOPLE}",
    "tickets.cancel": f"kiosk {PEOPLE}",
    "tickets.update": PEOPLE,
    "queue.call_next": PEOPLE,
    "queue.call": PEOPLE,
    "queue.recall": PEOPLE,
    "queue.complete": PEOPLE,
    "queue.no_show": PEOPLE,
    "queue.park": PEOPLE,
    "queue.unpark": PEOPLE,
    "queue.transfer": PEOPLE,
    "queue.set_priority": "supervisor admin",
    "queue.move": "supervisor admin",
    "queue.undo": PEOPLE,
    "queue.validate_integrity": "supervisor admin",
    "services.open": "supervisor admin",
    "services.pause": "supervisor admin",
    "services.close": "supervisor admin",
    "services.close_day": "admin",
    "services.get": "supervisor admin",
    "services.save": "admin",
    "services.retire": "admin",
    "services.order": "admin",
    "counters.get": "supervisor admin",
    "counters.save": "admin",
    "counters.retire": "admin",
    "site.get": "supervisor admin",
    "site.save": "admin",
    "closed_days.list": "supervisor admin",
    "closed_days.save": "admin",
    "users.list": "admin",
    "users.save": "admin",
    "users.set_password": "admin",
    "users.disable": "admin",
    "users.enable": "admin",
    "devices.list": "admin",
    "devices.pair": "admin",
    "devices.save": "admin",
    "devices.revoke": "admin",
    "audit.list": "admin",
    "session.set_password": PEOPLE,
    "ping": ALL_ROLES,
    "rpc.discover": ALL_ROLES,
    "session.end": PEOPLE,
    "system.health": "supervisor admin",
}
"""Method -> the roles that the protocol promises."""


def test_the_registry_has_the_protocols_roles() -> None:
    assert {name: set(command.roles) for name, command in REGISTRY.items()} == {
        name: set(roles.split()) for name, roles in PROTOCOL.items()
    }


@pytest.mark.long
async def test_every_method_is_allowed_or_forbidden_as_promised(clinic: Clinic, tmp_path: Path) -> None:
    engine = clinic.engine()
    for code in ("R8", "R9"):
        people_and_devices.add_counter(engine, code, code, ["C"])
    hub = LoggedHub(clinic.database_url, tmp_path / "log")

    tried: list[dict[str, Any]] = []
    with hub:
        async with HubClient(hub.url, PersonCredentials("admin", PASSWORD), follow=False) as admin:
            for role in ROLES:
                credentials = await reusable_credentials(hub.url, clinic, role)
                await assert_may(
                    hub.url, credentials, [name for name, c in REGISTRY.items() if role in c.roles]
                )
                for method in [name for name, command in REGISTRY.items() if role not in command.roles]:
                    params = await parameters(method)(admin)
                    before = table_sizes(engine)
                    tried.append(await assert_forbidden(hub.url, credentials, method, params))
                    assert table_sizes(engine) == before, (role, method)
        await until(lambda: all(cell in refusals(hub) for cell in tried), what="a record of every refusal")
    engine.dispose()
    assert len(tried) == sum(len(set(ROLES) - command.roles) for command in REGISTRY.values())


async def reusable_credentials(url: str, clinic: Clinic, role: str) -> dict[str, Any]:
    """Credentials that a role can use any number of times: a device's token, or a session."""
    if role in {"kiosk", "monitor"}:
        return {"token": {"kiosk": clinic.kiosk, "monitor": clinic.monitor}[role].token}
    async with admitted(url, {"username": role, "password": PASSWORD}) as (_, hello):
        return {"session": hello["session"]}


@contextlib.asynccontextmanager
async def admitted(url: str, credentials: dict[str, Any]) -> AsyncIterator[tuple[ClientConnection, Any]]:
    """A connection that has said hello, and the hello's result."""
    async with connect(url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None) as socket:
        yield socket, (await ask(socket, "session.hello", {"credentials": credentials}))["result"]


async def ask(socket: ClientConnection, method: str, params: dict[str, Any]) -> Any:
    """One request and its reply."""
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    return json.loads(await socket.recv())


def parameters(method: str) -> Prepare:
    """Parameters with which the method succeeds for a role that may call it."""
    return CHANGES[method][0] if method in CHANGES else READINGS.get(method, fixed())


async def assert_may(url: str, credentials: dict[str, Any], methods: list[str]) -> None:
    """Asserts that the role may call the methods; an unknown parameter keeps each call from doing anything."""
    async with admitted(url, credentials) as (socket, _):
        for method in methods:
            error = (await ask(socket, method, {"made_up": 1}))["error"]
            assert error["data"]["reason"] == "invalid_params", method


async def assert_forbidden(
    url: str, credentials: dict[str, Any], method: str, params: dict[str, Any]
) -> dict[str, Any]:
    """Asserts that the request is forbidden; returns the actor, method and key that the hub must log."""
    key = f"{method}-{secrets.token_hex(4)}"
    sent = {**params, "key": key} if method in CHANGES else params
    async with admitted(url, credentials) as (socket, hello):
        answer = await ask(socket, method, sent)
        assert answer.get("error", {}).get("data") == {"reason": "forbidden"}, (hello["role"], method, answer)
    return {"actor": ACTORS[hello["role"]], "method": method} | (
        {"request": key} if method in CHANGES else {}
    )


def refusals(hub: LoggedHub) -> list[dict[str, Any]]:
    """The forbidden requests in the hub's log: actor, method, and key if the method takes one."""
    records = [record for record in hub.records if record.get("outcome") == "forbidden"]
    assert all(record["level"] == "warning" for record in records)
    names = ("actor", "method", "request")
    return [
        {name: record[name] for name in names if name != "request" or record["method"] in CHANGES}
        for record in records
    ]


def table_sizes(engine: Engine) -> Any:
    """The row counts of the tables that requests write to, and the sum of the revisions."""
    tables = ("queue_events", "admin_events", "requests", "tickets", "sessions")
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    with engine.begin() as connection:
        return connection.execute(text(f"SELECT {counts}, (SELECT sum(revision) FROM services)")).one()
