"""Every method with valid parameters; methods that change something also with parameters of a different request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
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
}
"""Method -> change. An administrator may make them in this order, in a clinic with the further counters R8 and R9."""

READINGS: dict[str, Prepare] = {
    "services.list": fixed(),
    "counters.list": fixed(),
    "queue.snapshot": fixed(service="A"),
    "queue.validate_integrity": fixed(service="A"),
    "tickets.get": waiting,
    "ping": fixed(),
    "rpc.discover": fixed(),
    "system.health": fixed(),
}
"""Methods that change nothing, without `queue.subscribe`, and without `session.end`, which ends the session."""
