"""SIGKILL of the hub under three open windows: each shows the loss, and is current after the restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

import pytest

from admin_app.demo.demo_hands import time_each, touch
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import WAIT_SECONDS, until
from tests.support.waiting_room import live_windows, waiting_room, windows_without_hub


async def test_windows_say_that_the_hub_is_lost_and_come_back(
    clinic: Clinic, hub: HubProcess, tmp_path: Path
) -> None:
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        await room.card("See a doctor")
        hub.kill()
        await time_each(windows_without_hub(room), monotonic(), WAIT_SECONDS)
        await asyncio.to_thread(
            clinic.rows, "SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 3) n"
        )
        await asyncio.to_thread(hub.restart)
        await time_each(live_windows(room), monotonic(), WAIT_SECONDS)


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
