"""Hubs of one database wake each other promptly, seldom, outside of transactions, and again after a lost connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.client.hub_client import HubClient
from server.chores import Chores
from server.database.channel import CHANNEL, DatabaseChannel
from server.timings import USUAL, Timings
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.private_clusters import query
from tests.support.waiting import until

BACKENDS = "SELECT pid, state, query FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{}'"


class Hub:
    """A hub's end of the channel; `wakes` counts its wakes."""

    def __init__(self, url: str, seconds: float) -> None:
        self.channel = DatabaseChannel(url, seconds)
        self.wakes = 0

    def wake(self) -> None:
        self.wakes += 1


@contextlib.asynccontextmanager
async def hubs(clinic: Clinic, count: int = 2, seconds: float = USUAL.echo) -> AsyncIterator[list[Hub]]:
    """`count` hubs that already listen."""
    found, chores = (
        [Hub(clinic.database_url, seconds) for _ in range(count)],
        [Chores() for _ in range(count)],
    )
    for hub, its_chores in zip(found, chores, strict=True):
        hub.channel.start(hub.wake, its_chores)
    await until(lambda: all(hub.wakes for hub in found), what="all hubs to listen")
    for hub in found:
        hub.wakes = 0
    yield found
    for its_chores in chores:
        await its_chores.stop()


async def backends(clinic: Clinic, application: str) -> list[tuple[Any, ...]]:
    return await asyncio.to_thread(query, clinic.database_url, BACKENDS.format(application))


async def is_woken(waker: Hub, another: Hub) -> None:
    """Wakes `another` from `waker` again and again: a hub that lost its listening connection misses single wakes."""
    another.wakes = 0

    def wake() -> int:
        waker.channel.wake_others()
        return another.wakes

    await until(wake, what="the other hub to be woken")


async def test_a_hub_wakes_the_others_and_not_itself(clinic: Clinic) -> None:
    async with hubs(clinic, 3) as (waker, *others):
        await is_woken(waker, others[0])
        await until(lambda: others[1].wakes)
        assert waker.wakes == 0


async def test_many_changes_make_few_notifications_outside_any_transaction(clinic: Clinic) -> None:
    async with hubs(clinic) as (waker, another):
        await is_woken(waker, another)
        another.wakes = 0
        changes = 0
        while another.wakes < 5:
            waker.channel.wake_others()
            changes += 1
            await asyncio.sleep(0)
        assert changes > 2 * another.wakes
        # Inside a transaction the last statement would be its COMMIT.
        [(_, state, statement)] = await backends(clinic, "inturn-hub notifies")
        assert (state, str(statement).split(",")[0]) == ("idle", f"NOTIFY {CHANNEL}")
    notifying = (
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc ILIKE '%notify%'"
    )
    assert query(clinic.database_url, notifying) == []


async def test_the_command_line_wakes_every_hub(clinic: Clinic) -> None:
    async with hubs(clinic) as found:
        await asyncio.to_thread(query, clinic.database_url, f"NOTIFY {CHANNEL}, 'administration'")
        await until(lambda: all(hub.wakes == 1 for hub in found))


@pytest.mark.parametrize("part", ["listens", "notifies"])
async def test_a_killed_connection_is_replaced(clinic: Clinic, part: str) -> None:
    async with hubs(clinic) as (waker, another):
        await is_woken(waker, another)
        for pid, _, _ in await backends(clinic, f"inturn-hub {part}"):
            await asyncio.to_thread(query, clinic.database_url, f"SELECT pg_terminate_backend({pid})")
        await asyncio.sleep(0.1)
        await is_woken(waker, another)
        await is_woken(another, waker)


async def test_a_hub_that_misses_its_own_notification_listens_anew(clinic: Clinic) -> None:
    """The backend that listens is frozen: its connection stays open, but delivers nothing."""
    async with hubs(clinic, 1, 0.3) as [waker]:
        [(frozen, _, _)] = await backends(clinic, "inturn-hub listens")
        os.kill(int(frozen), signal.SIGSTOP)
        try:
            await is_woken(waker, waker)
        finally:
            os.kill(int(frozen), signal.SIGCONT)


async def test_a_change_at_one_hub_reaches_the_others_before_their_next_poll(
    clinic: Clinic, hub: HubProcess
) -> None:
    second = HubProcess(clinic.database_url, timings=Timings(changes=3600))
    try:
        async with HubClient(hub.url, clinic.kiosk) as kiosk, HubClient(second.url, clinic.monitor) as wall:
            line = wall.replica.lines.line("A")
            for number in range(12):
                await kiosk.join_queue("A")
                await until(lambda wanted=number + 1: line.revision == wanted)  # type: ignore[misc]
    finally:
        second.terminate()
