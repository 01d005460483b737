"""Tabs with a count behind each name. Based on QTabBar, so that arrow keys and screen readers work."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QTabBar

from core.qt.look.theme import Size, Theme, space
from core.qt.look.widgets import rounded

HEIGHT = 64
GAP = 8


class LineTabs(QTabBar):
    """The tabs of the line panel: the name of each list and its count."""

    def __init__(self, theme: Theme, names: tuple[str, ...]) -> None:
        super().__init__()
        self._theme = theme
        self._names = names
        self._counts = [0] * len(names)
        for name in names:
            self.addTab(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setAccessibleName("Lists")
        theme.changed.connect(self.update)

    def show_counts(self, *counts: int) -> None:
        """Shows the number of tickets in each list, in the order of the tabs."""
        if list(counts) != self._counts:
            self._counts = list(counts)
            for place, (name, count) in enumerate(zip(self._names, counts, strict=True)):
                self.setTabText(place, f"{name} {count}")
            self.update()

    def tabSizeHint(self, index: int) -> QSize:  # noqa: N802 - Qt's name
        return QSize(round(self._word_width(index) + GAP + self._badge_width(index) + space(4)), HEIGHT)

    def minimumTabSizeHint(self, index: int) -> QSize:  # noqa: N802 - Qt's name
        return self.tabSizeHint(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index in range(self.count()):
            self._paint_tab(painter, index, QRectF(self.tabRect(index)))

    def _paint_tab(self, painter: QPainter, index: int, area: QRectF) -> None:
        theme, chosen = self._theme, index == self.currentIndex()
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(Size.BASE, 600 if chosen else 500))
        painter.setPen(theme.colour("text"))
        words = QRectF(area.left() + space(2), area.top(), self._word_width(index), area.height())
        painter.drawText(words, centre, self._names[index])
        badge = QRectF(words.right() + GAP, area.center().y() - 11, self._badge_width(index), 22)
        rounded(painter, badge, 11, theme.colour("neutral_soft"))
        painter.setFont(theme.font(Size.SECONDARY, 600, tabular=True))
        painter.setPen(theme.colour("on_soft"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(self._counts[index]))
        if chosen:
            painter.fillRect(QRectF(area.left(), area.bottom() - 3, area.width(), 3), theme.colour("action"))
        if chosen and self.hasFocus():
            ring = theme.colour("focus")
            painter.setPen(ring)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(4, 12, -4, -12), 8, 8)

    def _word_width(self, index: int) -> float:
        return QFontMetricsF(self._theme.font(Size.BASE, 600)).horizontalAdvance(self._names[index]) + 1

    def _badge_width(self, index: int) -> float:
        metrics = QFontMetricsF(self._theme.font(Size.SECONDARY, 600, tabular=True))
        return max(22.0, metrics.horizontalAdvance(str(self._counts[index])) + 14)
