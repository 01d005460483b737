"""The dark rail at the console's left edge: a button for each page, and Sign out at the bottom."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.qt.look import icons
from core.qt.look.plain_text import PlainButton, set_tooltip
from core.qt.look.theme import Radius, Theme, space
from core.qt.look.widgets import rounded

WIDTH = 76
SIDE = 52


class RailButton(PlainButton):
    """A button with an icon only; tooltip and screen readers give its name."""

    def __init__(self, theme: Theme, icon: str, name: str, checkable: bool = False) -> None:
        super().__init__()
        self._theme, self._icon_name = theme, icon
        self.setAccessibleName(name)
        set_tooltip(self, name)
        self.setCheckable(checkable)
        self.setFixedSize(SIDE, SIDE)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def nextCheckState(self) -> None:
        """Keeps the check mark on a click: `Rail.show_page` sets it once the window has changed pages."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(0.4)
        area, palette = QRectF(self.rect()), self._theme.palette
        words = palette.on_rail_secondary
        if self.isChecked():
            rounded(painter, area, Radius.SMALL, self._theme.colour("action"))
            words = palette.on_action
        elif self.underMouse():
            words = palette.on_rail
        if self.hasFocus():
            ring = self._theme.colour("on_action" if self.isChecked() else "on_rail")
            rounded(painter, area.adjusted(3, 3, -3, -3), Radius.SMALL - 3, edge=QPen(ring, 2))
        icons.draw(painter, self._icon_name, words, QRectF((SIDE - 24) / 2, (SIDE - 24) / 2, 24, 24))


class Rail(QWidget):
    """The column of buttons. The window connects `calls`, `counters` and `sign_out`."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedWidth(WIDTH)
        self.calls = RailButton(theme, "megaphone", "Calls", checkable=True)
        self.counters = RailButton(theme, "layout-dashboard", "Counters", checkable=True)
        self.sign_out = RailButton(theme, "log-out", "Sign out")
        for name in ("calls", "counters", "sign_out"):
            getattr(self, name).setObjectName(f"rail_{name}")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, space(2), 12, space(2))
        column.setSpacing(space(1))
        column.addWidget(self.calls)
        column.addWidget(self.counters)
        column.addStretch(1)
        column.addWidget(self.sign_out)
        theme.changed.connect(self.update)

    def show_page(self, *, calls: bool, may_call: bool) -> None:
        """Marks the button of the page shown. `may_call`: a counter is chosen, so the calls page is available."""
        self.calls.setChecked(calls)
        self.counters.setChecked(not calls)
        self.calls.setEnabled(may_call)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 400)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.colour("rail"))
