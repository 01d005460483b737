"""Base of the wall monitor's panels: each shows one value and repaints only if its part of the value changed."""

from __future__ import annotations

from typing import Generic, TypeVar

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from core.qt.look.palette import Role
from core.qt.look.theme import Theme
from kiosk_app.shared.text_lines import draw_lines

LEAST = 0.045
"""Smallest font size, as a fraction of the window's shorter side: its capitals are 3 % of that side high."""
Shown = TypeVar("Shown")


class Panel(QWidget, Generic[Shown]):
    """Shows one value; all sizes are fractions of the window's shorter side.

    A subclass paints `shown`, names it for screen readers in `_spoken`, and picks the fields it paints in `_part`.
    """

    def __init__(self, theme: Theme, shown: Shown, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.shown = theme, shown
        self._side = 720.0
        theme.changed.connect(self.update)

    def show_value(self, value: Shown) -> None:
        """Shows `value`; repaints only if the fields that this panel paints changed."""
        before, self.shown = self._part(self.shown), value
        if self._part(value) != before:
            self.setAccessibleName(self._spoken())
            self.update()

    def _part(self, value: Shown) -> object:
        return value

    def set_side(self, side: float) -> None:
        """Sets the window's shorter side in logical pixels."""
        self._side = side
        self.update()

    def _spoken(self) -> str:
        raise NotImplementedError

    def _font(self, part: float, weight: int) -> QFont:
        return self._theme.font(self._side * part, weight, tabular=True)

    def _fitting(self, text: str, room: float, part: float, weight: int, least: float) -> QFont:
        """Returns the font of size `part`, reduced down to `least` until `text` fits into `room` logical pixels."""
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
