"""Kiosk, wall monitor and console on a real hub: the windows that a test operates and reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QWidget

from admin_app.demo.demo_hands import REACTION_SECONDS, usable, words_of
from core.qt.hub_bridge import HubBridge
from core.wire.session import ConnectionState
from kiosk_app.kiosk.kiosk_window import KioskWindow
from kiosk_app.wall.monitor_window import MonitorWindow
from tests.support.clinic import Clinic
from tests.support.console_driver import Driver, console
from tests.support.waiting import until


@dataclass
class WaitingRoom:
    """The windows; `staff` is the console's driver."""

    kiosk: KioskWindow
    monitor: MonitorWindow
    staff: Driver

    @property
    def windows(self) -> tuple[QWidget, ...]:
        """All three windows."""
        return self.kiosk, self.monitor, self.staff.window

    async def card(self, service: str) -> QWidget:
        """A service's card on the kiosk, as soon as a person could touch it."""
        found = await usable(self.kiosk, service)
        await asyncio.sleep(REACTION_SECONDS)
        return found

    def says(self, window: QWidget, words: str) -> bool:
        """Whether a window shows these words."""
        return words in words_of(window)


@asynccontextmanager
async def waiting_room(clinic: Clinic, url: str, folder: Path) -> AsyncIterator[WaitingRoom]:
    """The windows, connected; staff work at counter R1."""
    kiosk_bridge, monitor_bridge = HubBridge(url, clinic.kiosk), HubBridge(url, clinic.monitor)
    kiosk, monitor = KioskWindow(kiosk_bridge, windowed=True), MonitorWindow(monitor_bridge, windowed=True)
    kiosk.resize(540, 960)
    monitor.resize(1280, 720)
    for bridge, window in ((kiosk_bridge, kiosk), (monitor_bridge, monitor)):
        bridge.start()
        window.show()
    try:
        async with console(url, folder) as staff:
            await staff.work_at("R1")
            await until(
                lambda: monitor_bridge.state is kiosk_bridge.state is ConnectionState.LIVE, what="the windows"
            )
            yield WaitingRoom(kiosk, monitor, staff)
    finally:
        for bridge, window in ((kiosk_bridge, kiosk), (monitor_bridge, monitor)):
            window.close()
            await bridge.aclose()
            window.deleteLater()


def windows_without_hub(room: WaitingRoom) -> dict[str, Callable[[], bool]]:
    """Window -> whether it says that the hub is lost."""
    return {
        "the kiosk": lambda: room.says(room.kiosk, "reception"),
        "the monitor": lambda: room.says(room.monitor, "Not up to date"),
        "the console": lambda: room.says(room.staff.window, "Hub lost"),
    }


def live_windows(room: WaitingRoom) -> dict[str, Callable[[], bool]]:
    """Window -> whether it is live and shows the patients A001 to A003 of line A."""
    return {
        "the kiosk": lambda: room.says(room.kiosk, "3 people ahead"),
        "the monitor": lambda: (
            room.says(room.monitor, "Next: A001") and not room.says(room.monitor, "Not up")
        ),
        "the console": lambda: (
            room.says(room.staff.window, "3 A003") and room.says(room.staff.window, "Live")
        ),
    }
