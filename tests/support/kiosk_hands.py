"""A kiosk's window on a scripted bridge, on screens of several sizes, with a clock that the test moves."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core.qt.look.theme import Theme, ThemeMode
from core.wire.session import ConnectionState
from kiosk_app.kiosk.kiosk_flow import KioskPage
from kiosk_app.kiosk.kiosk_window import KioskWindow
from kiosk_app.shared.physical_scale import PhysicalScale
from tests.support.scripted_bridge import ScriptedBridge, service

SCREENS = {
    "21.5 inch portrait": PhysicalScale(4.035, 1080, 1920),
    "21.5 inch landscape": PhysicalScale(4.035, 1920, 1080),
    "15 inch 5:4": PhysicalScale(4.3, 1280, 1024),
    "4K landscape": PhysicalScale(8.07, 3840, 2160),
    "Full HD at 200 %": PhysicalScale(2.0175, 540, 960),
}
NAMES = [
    "See a doctor", "Blood tests", "Pharmacy", "Vaccinations", "X-ray", "Eye clinic", "Children and family",
    "Physiotherapy and rehabilitation", "Hearing", "Dressings", "Laboratory", "Other questions", "Certificates",
]  # fmt: skip


class Hands:
    """A kiosk window, its scripted bridge, and a clock that the test moves."""

    def __init__(self, scale: PhysicalScale) -> None:
        self.now = 0.0
        self.bridge = ScriptedBridge()
        theme = Theme(ThemeMode.LIGHT, reduce_motion=True)
        self.window = KioskWindow(
            self.bridge,  # type: ignore[arg-type]
            scale=scale,
            windowed=True,
            theme=theme,
            clock=lambda: self.now,
        )
        self.window.resize(scale.width, scale.height)
        self.window.show()

    def open_with(self, count: int) -> None:
        """Connects a hub that offers `count` services, and waits until touches are accepted."""
        offered = [service(f"S{index}", name, waiting=index) for index, name in enumerate(NAMES[:count])]
        self.bridge.offer(*offered)
        self.bridge.become(ConnectionState.LIVE)
        self.window.refresh()
        self.wait(1)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.window.pass_time()

    @property
    def page(self) -> KioskPage:
        return self.window.screen_shown.page


def bring_to_front(window: QWidget, qtbot: QtBot) -> None:
    """Activates a window: Qt sends keys to the active window."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
