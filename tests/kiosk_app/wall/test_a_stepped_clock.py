"""A wall, a kiosk and a console whose computer's clock is wrong and then stepped, with a real hub."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from tests.support.clinic import Clinic
from tests.support.console_driver import join
from tests.support.hub_process import HubProcess
from tests.support.waiting import until
from tests.support.waiting_room import waiting_room


class WrongClock(datetime):
    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz or UTC) + cls.ahead


@pytest.mark.parametrize("wrong", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-3650)])
async def test_calls_are_shown_and_chimed_after_the_step(
    clinic: Clinic, hub: HubProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: timedelta
) -> None:
    for module in ("core.client.hub_client", "core.qt.hub_bridge"):
        monkeypatch.setattr(f"{module}.datetime", WrongClock)
    monkeypatch.setattr(WrongClock, "ahead", wrong)
    heard: list[str] = []
    async with waiting_room(clinic, hub.url, tmp_path) as room:
        room.monitor.announcer.started.connect(lambda announcement: heard.append(announcement.number))
        monkeypatch.setattr(WrongClock, "ahead", -wrong)
        await join(hub.url, clinic.kiosk, ("A", "medium"))
        await until(lambda: "just arrived" in room.staff.label("hint"), what="the wait")
        room.staff.press(Qt.Key.Key_F2)
        await until(lambda: heard == ["A001"], what="the chime")
        await until(lambda: room.monitor.board.current is not None, what="the call")
        assert room.monitor.board.current is not None
        assert room.monitor.board.current.fresh
