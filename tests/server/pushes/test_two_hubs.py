"""Two hubs on a database: a notification brings each other's changes at once, a poll within a second without it."""

from __future__ import annotations

import pytest

from core.client.hub_client import HubClient
from server.connections.hub import Hub
from server.timings import USUAL, Timings
from tests.support.clinic import Clinic
from tests.support.waiting import until

TURNS = 5
NO_POLLS = Timings(changes=3600)
"""Timings with which a hub does not poll: it learns of the other's changes from notifications alone."""


async def started(clinic: Clinic, timings: Timings = USUAL) -> Hub:
    hub = Hub(clinic.database_url, timings=timings)
    await hub.start()
    return hub


@pytest.mark.parametrize("notified", [True, False], ids=["notified", "polled"])
async def test_an_event_at_a_hub_reaches_the_other_hubs_windows(clinic: Clinic, notified: bool) -> None:
    here, there = await started(clinic), await started(clinic, NO_POLLS if notified else Timings(changes=0.1))
    if not notified:
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


async def test_a_counters_state_at_a_hub_reaches_the_other_hubs_windows(clinic: Clinic) -> None:
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


async def test_a_hub_behind_its_client_sends_no_older_line(clinic: Clinic) -> None:
    """A client that moves from the other hub holds events that this hub has not read: it gets a current snapshot."""

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
