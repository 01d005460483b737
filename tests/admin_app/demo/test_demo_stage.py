"""Where the demo's windows stand: every window is visible on every size of screen."""

import pytest
from PySide6.QtCore import QRect, QSize

from admin_app.demo.demo_stage import FRAME, places

LEAST_CONSOLE = QSize(1100, 700)


@pytest.mark.parametrize("size", [(1920, 1080), (1920, 1200), (2560, 1440), (3840, 2160)])
def test_on_a_wide_screen_the_windows_stand_beside_each_other(size: tuple[int, int]) -> None:
    room = QRect(0, 0, *size)
    kiosk, monitor, console = places(room, LEAST_CONSOLE)
    framed = [each.adjusted(0, -FRAME, 0, 0) for each in (kiosk, monitor, console)]
    assert all(room.contains(each) for each in framed)
    assert not any(framed[a].intersects(framed[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert console.width() >= LEAST_CONSOLE.width()
    assert console.height() >= LEAST_CONSOLE.height()


@pytest.mark.parametrize("room", [QRect(0, 0, 1366, 768), QRect(0, 27, 1440, 873), QRect(70, 0, 1210, 800)])
def test_on_a_small_screen_the_console_keeps_its_size_and_the_devices_stand_left(room: QRect) -> None:
    kiosk, monitor, console = places(room, LEAST_CONSOLE)
    assert console.size() == LEAST_CONSOLE
    assert all(room.contains(each) for each in (kiosk, monitor, console))
    assert not kiosk.intersects(monitor)
    assert kiosk.left() == monitor.left() == room.left()


def test_portrait_and_landscape_keep_their_shape() -> None:
    kiosk, monitor, _ = places(QRect(0, 0, 1920, 1080), LEAST_CONSOLE)
    assert kiosk.width() / kiosk.height() == pytest.approx(9 / 16, abs=0.01)
    assert monitor.width() / monitor.height() == pytest.approx(16 / 9, abs=0.01)
