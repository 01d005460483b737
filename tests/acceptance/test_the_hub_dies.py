"""SIGKILL of the hub under three open windows: each says so within 2 s and is right again within 5 s of the restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from admin_app.demo.demo_hands import time_each, touch
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until
from tests.support.waiting_room import WaitingRoom, waiting_room

NOTICED_SECONDS = 2.0
RIGHT_AGAIN_SECONDS = 5.0


async def test_windows_say_that_the_hub_is_lost_and_come_back(
    clinic: Clinic, hub: HubProcess, tmp_path: Path
) -> None:
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        await room.card("See a doctor")
        killed_at = monotonic()
        hub.kill()
        noticed = await time_each(_lost(room), killed_at, NOTICED_SECONDS)
        await asyncio.to_thread(
            clinic.rows, "SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 3) n"
        )
        await asyncio.to_thread(hub.restart)
        right_again = await time_each(_right(room), monotonic(), RIGHT_AGAIN_SECONDS)
        print("noticed", _rounded(noticed), "right again", _rounded(right_again))


@pytest.mark.logs_expected
async def test_a_touch_that_the_hub_never_answered_counts_once(
    clinic: Clinic, hub: HubProcess, tmp_path: Path
) -> None:
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        card = await room.card("See a doctor")
        hub.freeze()
        touch(card)
        await until(lambda: room.kiosk.screen_shown.request is not None, what="the request")
        await asyncio.sleep(0.2)
        await asyncio.to_thread(hub.kill)
        await asyncio.to_thread(hub.restart)
        await until(lambda: room.says(room.kiosk, "Your number: A, zero zero one"), what="the ticket page")
    assert clinic.rows("SELECT count(*) FROM tickets") == [(1,)]


def _lost(room: WaitingRoom) -> dict[str, Callable[[], bool]]:
    return {
        "the kiosk": lambda: room.says(room.kiosk, "reception"),
        "the monitor": lambda: room.says(room.monitor, "Not up to date"),
        "the console": lambda: room.says(room.staff.window, "Hub lost"),
    }


def _right(room: WaitingRoom) -> dict[str, Callable[[], bool]]:
    return {
        "the kiosk": lambda: room.says(room.kiosk, "3 people ahead"),
        "the monitor": lambda: (
            room.says(room.monitor, "Next: A001") and not room.says(room.monitor, "Not up")
        ),
        "the console": lambda: (
            room.says(room.staff.window, "3 A003") and room.says(room.staff.window, "Live")
        ),
    }


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in seconds.items()}
