"""What the demo plays with: the three windows, their hub and the people behind it; and where the windows stand."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QWidget

from admin_app.demo_hub import DemoHub
from core.hub_operations import HubOperations

KIOSK_SIZE, MONITOR_SIZE, CONSOLE_SIZE = QSize(1080, 1920), QSize(1920, 1080), QSize(1440, 900)
"""Of the drawings."""
FRAME = 40
"""Room for a window's title bar, in logical pixels."""


@dataclass(frozen=True)
class Stage:
    """The demo while it runs.

    Attributes:
        kiosk, monitor, console: the windows.
        hub: what they are connected to.
        reception, colleague: clients of people who have no window here; `reception` may supervise.
        user, password: the account that signs in at the console.
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
        """The windows by what people call them."""
        return {"kiosk": self.kiosk, "monitor": self.monitor, "console": self.console}


def show_as_drawn(stage: Stage) -> None:
    """For pictures: each window in its drawing's size, whatever the screen."""
    sizes = (KIOSK_SIZE, MONITOR_SIZE, CONSOLE_SIZE)
    for window, size in zip(stage.windows.values(), sizes, strict=True):
        window.show()
        window.resize(size)


def show_side_by_side(stage: Stage) -> None:
    """For people: kiosk on the left, monitor over console on the right, as large as the screen allows."""
    room = stage.console.screen().availableGeometry()
    for window, place in zip(stage.windows.values(), places(room, stage.console.minimumSize()), strict=True):
        window.show()
        window.setGeometry(place)


def places(room: QRect, least_console: QSize) -> tuple[QRect, QRect, QRect]:
    """Where kiosk, monitor and console stand in `room`. On a small screen the console covers a part of the others."""
    top, bottom = room.top() + FRAME, room.bottom()
    kiosk_height = min(960, bottom - top)
    kiosk = QRect(room.left(), top, kiosk_height * 9 // 16, kiosk_height)
    left = kiosk.right() + 12
    width = max(320, room.right() - left)
    console_size = QSize(max(width, least_console.width()), least_console.height())
    console_left = max(room.left(), room.right() - console_size.width())
    console_top = max(room.top() + FRAME, bottom - console_size.height())
    monitor_height = min(width * 9 // 16, max(180, console_top - FRAME - top))
    monitor = QRect(left, top, monitor_height * 16 // 9, monitor_height)
    return kiosk, monitor, QRect(console_left, console_top, console_size.width(), console_size.height())
