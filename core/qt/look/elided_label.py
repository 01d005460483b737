"""A line of text that ends in "…" when it does not fit, with the whole text as tooltip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent

from core.qt.look.palette import Role
from core.qt.look.plain_text import set_tooltip
from core.qt.look.theme import Size, Theme
from core.qt.look.widgets import TextLabel


class ElidedLabel(TextLabel):
    """A label whose minimum width is 0: it elides its text instead of widening the layout."""

    def __init__(self, theme: Theme, size: float = Size.BASE, weight: int = 400, role: Role = "text") -> None:
        super().__init__(theme, "", size, weight, role, tabular=False)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        set_tooltip(self, self.text() if shown != self.text() else "")
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
