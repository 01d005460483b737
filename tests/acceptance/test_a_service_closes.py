"""A service closes, pauses or fills while a patient stands at the kiosk: the kiosk says so and keeps the ticket."""

from __future__ import annotations

from pathlib import Path

from admin_app.demo.demo_hands import touch
from core import wording
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until
from tests.support.waiting_room import waiting_room


async def test_a_service_closes_under_the_finger(clinic: Clinic, hub: HubProcess, tmp_path: Path) -> None:
    def set_state(state: str) -> None:
        clinic.rows(f"SELECT set_service_state('user:3', gen_random_uuid()::text, '', 'A', '{state}')")

    async with waiting_room(clinic, hub.url, tmp_path) as room:
        card = await room.card("See a doctor")
        set_state("closed")
        touch(card)
        await until(lambda: room.says(room.kiosk, wording.refusal("service_closed", "")), what="the refusal")
        await until(lambda: room.says(room.kiosk, "See a doctor. Closed"), what="the closed card")
        set_state("paused")
        await until(lambda: room.says(room.kiosk, "See a doctor. Paused for a while"), what="the pause")
        clinic.rows("UPDATE services SET daily_quota = 1 WHERE code = 'A' RETURNING 1")
        set_state("open")
        touch(await room.card("See a doctor"))
        await until(lambda: room.says(room.kiosk, "Your number: A, zero zero one"), what="the ticket")
        touch(await room.card("Done"))
        await until(lambda: room.says(room.kiosk, "See a doctor. No more numbers today"), what="the quota")
    assert clinic.rows("SELECT number, status FROM tickets") == [("A001", "waiting")]
