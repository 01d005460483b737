"""The running demo as a value: windows, hub, simulated clients; and the placement of the windows."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QWidget

from admin_app.demo.demo_hub import DemoHub
from core.client.hub_operations import HubOperations

KIOSK_SIZE, MONITOR_SIZE, CONSOLE_SIZE = QSize(1080, 1920), QSize(1920, 1080), QSize(1440, 900)
"""Sizes of the windows in the design drawings, in pixels."""
FRAME, GAP = 40, 12
"""Height of a title bar, and gap between two windows, in logical pixels."""
LEAST_WIDTH, LEAST_MONITOR_HEIGHT = 240, 180


@dataclass(frozen=True)
class Stage:
    """The demo while it runs.

    Attributes:
        kiosk, monitor, console: the windows.
        hub: the hub that the windows are connected to.
        reception, colleague: clients of the simulated people; `reception` is a supervisor.
        user, password: credentials for the console.
    """

    kiosk: QWidget
    monitor: QWidget
    console: QWidget
    hub: DemoHub
    reception: HubOperations
    colleague: HubOperations
    user: str
    password: str

    @property
    def windows(self) -> dict[str, QWidget]:
        """The windows by name: "kiosk", "monitor", "console"."""
        return {"kiosk": self.kiosk, "monitor": self.monitor, "console": self.console}


def show_as_drawn(stage: Stage) -> None:
    """Shows each window in the size of its drawing, for screenshots."""
    sizes = (KIOSK_SIZE, MONITOR_SIZE, CONSOLE_SIZE)
    for window, size in zip(stage.windows.values(), sizes, strict=True):
        window.show()
        window.resize(size)


def show_side_by_side(stage: Stage) -> None:
    """Shows the windows side by side, as large as the screen allows."""
    room = stage.console.screen().availableGeometry()
    for window, place in zip(stage.windows.values(), places(room, stage.console.minimumSize()), strict=True):
        window.show()
        window.setGeometry(place)


def places(room: QRect, least_console: QSize) -> tuple[QRect, QRect, QRect]:
    """Returns the rectangles of kiosk, monitor and console within `room`, without title bars, in logical pixels.

    On a large screen the kiosk stands on the left and the monitor above the console. On a small screen the console keeps
    its minimum size, and kiosk and monitor share the space to its left, however small.
    """
    height = room.height() - FRAME
    kiosk_height = min(KIOSK_SIZE.height() // 2, height)
    beside = room.width() - kiosk_height * 9 // 16 - GAP
    over_console = height - FRAME - least_console.height()
    if beside < least_console.width() or over_console < LEAST_MONITOR_HEIGHT:
        return _small(room, least_console)
    top, left = room.top() + FRAME, room.right() - beside + 1
    kiosk = QRect(room.left(), top, kiosk_height * 9 // 16, kiosk_height)
    monitor_height = min(over_console, beside * 9 // 16)
    monitor = QRect(left, top, monitor_height * 16 // 9, monitor_height)
    console_top = monitor.bottom() + 1 + FRAME
    return kiosk, monitor, QRect(left, console_top, beside, room.bottom() + 1 - console_top)


def _small(room: QRect, console: QSize) -> tuple[QRect, QRect, QRect]:
    width = max(LEAST_WIDTH, room.width() - console.width() - GAP)
    top = room.top() + FRAME
    kiosk_height = min(width * 16 // 9, room.height() - 2 * FRAME - width * 9 // 16)
    kiosk = QRect(room.left(), top, kiosk_height * 9 // 16, kiosk_height)
    monitor = QRect(room.left(), kiosk.bottom() + 1 + FRAME, width, width * 9 // 16)
    left = max(room.left(), room.right() + 1 - console.width())
    return kiosk, monitor, QRect(left, top, console.width(), min(console.height(), room.height() - FRAME))
