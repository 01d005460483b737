"""CounterDesk: the waiting tickets that it passes to the panels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clinic import Clinic
from tests.support.console_driver import console, join
from tests.support.hub_process import HubProcess
from tests.support.waiting import until


async def test_a_patient_is_listed_even_if_the_table_is_refreshed_late(
    hub: HubProcess, clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admin_app.counter.counter_desk.TABLE_FRAME_MILLISECONDS", 1500)

    async with console(hub.url, tmp_path) as person:
        await person.work_at("R1")
        await join(hub.url, clinic.kiosk, ("A", "medium"))
        desk = person.window.desk
        await until(lambda: [ticket.number for ticket in desk.waiting] == ["A001"], what="the patient")
