"""Every method with valid parameters; methods that change something also with parameters of a different request."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from string import ascii_uppercase
from typing import Any

from core.client.hub_client import HubClient

Prepare = Callable[[HubClient], Awaitable[dict[str, Any]]]
Change = tuple[Prepare, Mapping[str, Any]]
"""(function that prepares the clinic and returns the method's parameters, members of a different request).

`{"ticket": ""}` stands for any other ticket.
"""


async def waiting(hub: HubClient) -> dict[str, Any]:
    """A ticket that waits in A."""
    return {"ticket": (await hub.join_queue("A", patient_name="Bo Larsen")).id}


async def consulting(hub: HubClient) -> dict[str, Any]:
    """A ticket at R1, the only one at a counter."""
    await free_counters(hub)
    ticket = await hub.join_queue("A")
    return {"ticket": (await hub.call_patient(ticket.id, "R1")).id}


async def parked(hub: HubClient) -> dict[str, Any]:
    """A parked ticket."""
    ticket = await hub.join_queue("A")
    return {"ticket": (await hub.park(ticket.id)).id}


async def free_counters(hub: HubClient) -> dict[str, Any]:
    """A ticket waits in A, and all counters are free."""
    await hub.join_queue("A")
    for service in ("A", "B"):
        for ticket in (await hub.snapshot(service)).consulting:
            await hub.complete(ticket.id)
    return {}


async def an_operation(hub: HubClient) -> dict[str, Any]:
    """The key of an operation that can be undone."""
    await hub.join_queue("A")
    return {"operation": hub.last_operation}


async def a_service(hub: HubClient) -> dict[str, Any]:
    """The code and the version of a new service."""
    made = await hub.save_service(
        f"S{secrets.token_hex(3)}", 0, {"name": secrets.token_hex(8), "prefix": _prefix()}
    )
    return {"service": made.code, "version": made.version}


async def a_counter(hub: HubClient) -> dict[str, Any]:
    """The code and the version of a new counter."""
    made = await hub.save_counter(f"R{secrets.token_hex(3)}", 0, {"name": secrets.token_hex(8)})
    return {"counter": made.code, "version": made.version}


async def a_user(hub: HubClient) -> dict[str, Any]:
    """A new account."""
    changes = {"role": "staff", "password": "correct horse"}
    return {"user": (await hub.save_user(secrets.token_hex(8), 0, changes)).name}


async def a_device(hub: HubClient) -> dict[str, Any]:
    """A new device, not yet paired."""
    return {"device": (await hub.pair_device("kiosk", secrets.token_hex(8))).device.code}


async def the_site(hub: HubClient) -> dict[str, Any]:
    """The version of the site."""
    return {"version": (await hub.site_settings()).version}


def _prefix() -> str:
    return "".join(secrets.choice(ascii_uppercase) for _ in range(3))


def fixed(**params: Any) -> Prepare:
    """Fixed parameters without a preparation."""

    async def nothing(_hub: HubClient) -> dict[str, Any]:
        return params

    return nothing


def given(prepare: Prepare, **params: Any) -> Prepare:
    """Adds fixed parameters to those of a preparation."""

    async def both(hub: HubClient) -> dict[str, Any]:
        return await prepare(hub) | params

    return both


_ANOTHER_TICKET = {"ticket": ""}

CHANGES: dict[str, Change] = {
    "tickets.join": (fixed(service="A", patient_name="Bo Larsen", language="ar"), {"service": "B"}),
    "tickets.update": (given(waiting, note="diabetes", needs=["wheelchair"]), {"note": "asthma"}),
    "tickets.cancel": (waiting, _ANOTHER_TICKET),
    "queue.call_next": (given(free_counters, counter="R1"), {"counter": "R2"}),
    "queue.call": (given(waiting, counter="R2"), {"counter": "R1"}),
    "queue.recall": (consulting, _ANOTHER_TICKET),
    "queue.complete": (consulting, _ANOTHER_TICKET),
    "queue.no_show": (consulting, _ANOTHER_TICKET),
    "queue.park": (given(consulting, reason="x-ray"), {"reason": "blood"}),
    "queue.unpark": (given(parked, place="first"), {"place": "last"}),
    "queue.transfer": (given(waiting, service="B", place="last"), {"place": "first"}),
    "queue.set_priority": (given(waiting, priority="high"), {"priority": "low"}),
    "queue.move": (given(waiting, position=1), {"position": 2}),
    "queue.undo": (an_operation, {"operation": "another"}),
    "services.open": (fixed(service="A"), {"reason": "back"}),
    "services.pause": (fixed(service="B", reason="lunch"), {"reason": "fire"}),
    "services.close": (fixed(service="C"), {"service": "B"}),
    "services.close_day": (fixed(service="C"), {"service": "B"}),
    "counters.open": (fixed(counter="R1"), {"counter": "R2"}),
    "counters.pause": (fixed(counter="R8"), {"reason": "lunch"}),
    "counters.close": (fixed(counter="R9"), {"reason": "evening"}),
    "services.save": (
        given(a_service, changes={"quota": 40, "hours": "mon-fri 08:00-12:00"}),
        {"changes": {"quota": 41}},
    ),
    "services.retire": (a_service, {"move_to": "A"}),
    "services.order": (fixed(services=["B", "A"]), {"services": ["A", "B"]}),
    "counters.save": (
        given(a_counter, changes={"services": ["C"], "sign": "12"}),
        {"changes": {"sign": "13"}},
    ),
    "counters.retire": (a_counter, {"version": 2}),
    "site.save": (given(the_site, changes={"name": "Northgate"}), {"changes": {"name": "Southgate"}}),
    "closed_days.save": (
        fixed(close=[{"day": "2099-12-24"}]),
        {"close": [{"day": "2099-12-24", "service": "A"}]},
    ),
    "users.save": (
        given(a_user, version=1, changes={"display_name": "Anna Berg", "role": "supervisor"}),
        {"changes": {"role": "admin"}},
    ),
    "users.set_password": (given(a_user, password="wrong horse"), {"password": "another horse"}),
    "users.disable": (a_user, {"user": "staff"}),
    "users.enable": (a_user, {"user": "staff"}),
    "session.set_password": (
        fixed(password="correct horse", new_password="correct horse"),
        {"new_password": "another horse"},
    ),
    "devices.pair": (fixed(role="monitor", name="Hall wall"), {"role": "kiosk"}),
    "devices.save": (given(a_device, version=1, changes={"name": "Door"}), {"changes": {"name": "Gate"}}),
    "devices.revoke": (a_device, {"device": "hall-kiosk"}),
}
"""Method -> change. An administrator may make them in this order, in a clinic with the further counters R8 and R9."""

READINGS: dict[str, Prepare] = {
    "services.list": fixed(),
    "services.get": fixed(service="A"),
    "counters.get": fixed(counter="R1"),
    "site.get": fixed(),
    "closed_days.list": fixed(),
    "users.list": fixed(),
    "devices.list": fixed(),
    "audit.list": fixed(limit=200),
    "counters.list": fixed(),
    "queue.snapshot": fixed(service="A"),
    "queue.validate_integrity": fixed(service="A"),
    "tickets.get": waiting,
    "ping": fixed(),
    "rpc.discover": fixed(),
    "system.health": fixed(),
}
"""Methods that change nothing, without `queue.subscribe`, and without `session.end`, which ends the session."""
