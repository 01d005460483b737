"""Two hubs on one database: what happens at one is seen at the other at once, and in a second if nobody says so."""

from __future__ import annotations

import pytest

from core.client.hub_client import HubClient
from server.connections.hub import Hub
from server.timings import USUAL, Timings
from tests.support.clinic import Clinic
from tests.support.waiting import until

TURNS = 5
NEVER = Timings(changes=3600)
"""No hub looks by itself: what it knows of another it was told."""


async def started(clinic: Clinic, timings: Timings = USUAL) -> Hub:
    hub = Hub(clinic.database_url, timings=timings)
    await hub.start()
    return hub


@pytest.mark.parametrize("told", [True, False], ids=["told", "found"])
async def test_an_event_of_one_hub_reaches_the_others_windows(clinic: Clinic, told: bool) -> None:
    here, there = await started(clinic), await started(clinic, NEVER if told else Timings(changes=0.1))
    if not told:
        await there.chores.named["listener to other hubs"].stop()
    try:
        async with (
            HubClient(here.url, clinic.staff, follow=False) as console,
            HubClient(there.url, clinic.monitor) as monitor,
        ):
            line = monitor.replica.lines.line("A")
            for number in range(1, TURNS + 1):
                await console.join_queue("A")
                await until(lambda number=number: line.revision == number, what="the event")  # type: ignore[misc]
    finally:
        await here.stop()
        await there.stop()


async def test_a_counters_state_at_one_hub_reaches_the_others_windows(clinic: Clinic) -> None:
    here, there = await started(clinic), await started(clinic)
    try:
        async with (
            HubClient(here.url, clinic.staff, follow=False) as console,
            HubClient(there.url, clinic.monitor) as monitor,
        ):
            await console.pause_counter("R1")
            await until(lambda: next(c for c in monitor.replica.counters if c.code == "R1").state == "paused")
    finally:
        await here.stop()
        await there.stop()


async def test_a_hub_that_has_not_looked_yet_never_takes_a_client_back(clinic: Clinic) -> None:
    """A window that comes over holds what this hub has not heard: it is not shown an older line."""

    here, there = await started(clinic), await started(clinic)
    for chore in ("listener to other hubs", "change watch"):
        await there.chores.named[chore].stop()
    try:
        async with (
            HubClient(here.url, clinic.staff, follow=False) as console,
            HubClient(there.url, clinic.staff, follow=False) as moved,
        ):
            for _ in range(5):
                await console.join_queue("A")
            held = {"services": ["A"], "since": {"A": 5}}
            answer = (await moved.request("queue.subscribe", held))["services"]["A"]
            assert answer["snapshot"]["revision"] == 5
            assert there.components.notifications.lines.known("A").delivered == 0
    finally:
        await here.stop()
        await there.stop()
