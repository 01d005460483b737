"""SIGKILL of the hub under three open windows: each says so within 2 s and is right again within 5 s of the restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

from admin_app.demo.demo_hands import time_each
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting_room import live_windows, waiting_room, windows_without_hub

NOTICED_SECONDS = 2.0
RIGHT_AGAIN_SECONDS = 5.0


async def test_windows_notice_in_two_seconds_and_are_right_in_five(
    clinic: Clinic, hub: HubProcess, tmp_path: Path
) -> None:
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        hub.kill()
        await time_each(windows_without_hub(room), monotonic(), NOTICED_SECONDS)
        await asyncio.to_thread(
            clinic.rows, "SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 3) n"
        )
        await asyncio.to_thread(hub.restart)
        await time_each(live_windows(room), monotonic(), RIGHT_AGAIN_SECONDS)
