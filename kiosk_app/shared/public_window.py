"""Base window of kiosk and wall monitor: full screen, always on top, without a mouse pointer."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QWidget

FULL_SCREEN = Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint


class PublicWindow(QWidget):
    """A full-screen window for an unattended public screen.

    Attributes:
        windowed: the window stands on a desktop instead, with a title bar and a mouse pointer.
    Signals:
        closed(): the window was closed.
    """

    closed = Signal()

    def __init__(self, title: str, windowed: bool) -> None:
        super().__init__(None, Qt.WindowType.Window if windowed else FULL_SCREEN)
        self.windowed = windowed
        self.setWindowTitle(title)
        if not windowed:
            self.setCursor(Qt.CursorShape.BlankCursor)

    def show_in_place(self, desktop_size: QSize) -> None:
        """Shows the window full screen, or with `desktop_size` if it is `windowed`."""
        if self.windowed:
            self.resize(desktop_size)
            self.show()
        else:
            self.showFullScreen()

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.closed.emit()
