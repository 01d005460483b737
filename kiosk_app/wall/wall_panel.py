"""What the parts of the wall monitor have in common: one value each, painted again only when it has changed."""

from __future__ import annotations

from typing import Generic, TypeVar

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from core.qt.look.palette import Role
from core.qt.look.theme import Theme
from kiosk_app.shared.text_lines import draw_lines

LEAST = 0.045
"""Font size of the smallest text, as a part of the shorter side: its capitals are 3 % high."""
Shown = TypeVar("Shown")


class Panel(QWidget, Generic[Shown]):
    """Base of the parts: shows one value, sizes everything by the window's shorter side."""

    def __init__(self, theme: Theme, shown: Shown, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.shown = theme, shown
        self._side = 720.0
        theme.changed.connect(self.update)

    def show_value(self, value: Shown) -> None:
        """Show a value; nothing is painted when what this part shows of it is the same."""
        before, self.shown = self._part(self.shown), value
        if self._part(value) != before:
            self.setAccessibleName(self._spoken())
            self.update()

    def _part(self, value: Shown) -> object:
        return value

    def set_side(self, side: float) -> None:
        """The window's shorter side in logical pixels."""
        self._side = side
        self.update()

    def _spoken(self) -> str:
        raise NotImplementedError

    def _font(self, part: float, weight: int) -> QFont:
        return self._theme.font(self._side * part, weight, tabular=True)

    def _fitting(self, text: str, room: float, part: float, weight: int, least: float) -> QFont:
        """The font of that part of the side, smaller if `text` has no room, but not under `least`."""
        font = self._font(part, weight)
        while part > least and QFontMetricsF(font).horizontalAdvance(text) > room:
            part = max(least, part * 0.97)
            font = self._font(part, weight)
        return font

    def _text(
        self, painter: QPainter, area: QRectF, font: QFont, role: Role, text: str, right: bool = False
    ) -> None:
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width() + 1)
        left = area.right() - metrics.horizontalAdvance(shown) if right else area.left()
        painter.setPen(self._theme.colour(role))
        draw_lines(painter, font, [shown], left, area.top(), area.height())
