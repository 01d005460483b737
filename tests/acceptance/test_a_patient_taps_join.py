"""A patient touches a service; the number is on the ticket page, the wall and the console."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt

from admin_app.demo.demo_hands import touch
from tests.support.clinic import Clinic
from tests.support.hub_process import HubProcess
from tests.support.waiting import until
from tests.support.waiting_room import waiting_room


async def test_one_touch_reaches_every_window(clinic: Clinic, hub: HubProcess, tmp_path: Path) -> None:
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        touch(await room.card("See a doctor"))
        await until(lambda: room.says(room.kiosk, "Your number: A, zero zero one"), what="the ticket page")
        await until(lambda: room.says(room.monitor, "Next: A001"), what="the wall")
        await until(lambda: room.says(room.staff.window, "1 A001"), what="the console's line")
        room.staff.press(Qt.Key.Key_F2)
        await room.staff.sees("A001")
        await until(lambda: room.says(room.monitor, "Ticket A, zero zero one, Counter 1"), what="the call")


async def test_a_shaking_hand_gets_one_ticket(clinic: Clinic, hub: HubProcess, tmp_path: Path) -> None:
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        card = await room.card("See a doctor")
        for _ in range(3):
            touch(card)
        await until(lambda: room.says(room.kiosk, "Your number"), what="the ticket page")
    assert clinic.rows("SELECT count(*) FROM tickets") == [(1,)]


async def test_a_key_held_down_calls_one_patient(clinic: Clinic, hub: HubProcess, tmp_path: Path) -> None:
    clinic.rows("SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 3) n")

    async with waiting_room(clinic, hub.url, tmp_path) as room:
        await until(lambda: room.says(room.staff.window, "1 A001"), what="the console's line")
        for _ in range(3):
            room.staff.press(Qt.Key.Key_F2)
        await room.staff.sees("A001")
    assert clinic.rows("SELECT status, count(*) FROM tickets GROUP BY status ORDER BY status") == [
        ("consulting", 1),
        ("waiting", 2),
    ]
