"""The bar that says what the last action did and takes it back. It runs out with the time that the hub allows."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy

from admin_app.counter.counter_guard import UNDO_SECONDS
from core.qt.look.plain_text import PlainButton
from core.qt.look.theme import Radius, Size, Theme, space
from core.qt.look.widgets import rounded

LEAST_HEIGHT, BAR = 58, 4
UNDO, KEY = "Undo", "Ctrl+Z"
_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class UndoBar(PlainButton):
    """A sentence, Undo with its key, and the seconds left. A click anywhere on it takes the action back.

    Signals: `clicked` of QAbstractButton.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._done, self._seconds = "", 0.0
        self.setObjectName("undo")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the focus unchanged
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)
        self.hide()

    def show_offer(self, done: str) -> None:
        """Shows what was done; an empty sentence hides the bar."""
        self.setVisible(bool(done))
        if done != self._done:
            self._done = done
            self.setAccessibleName(f"{done} {UNDO}" if done else "")
            self.setAccessibleDescription(f"Key {KEY}")
            self.updateGeometry()

    def show_seconds(self, seconds: float) -> None:
        """Shows the seconds left; with reduced motion the bar moves once a second."""
        self._seconds = math.ceil(seconds) if self._theme.reduce_motion else seconds
        self.update()

    def sentence(self) -> str:
        """Returns what was done."""
        return self._done

    def sizeHint(self) -> QSize:
        lines = QFontMetricsF(self._font(500)).height() * 2
        return QSize(0, max(LEAST_HEIGHT, round(lines) + 2 * space(1) + BAR))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        edge = QPen(theme.colour("call" if self.hasFocus() else "touch_border"), 3 if self.hasFocus() else 1)
        rounded(painter, area, Radius.SMALL, theme.colour("rail"), edge)
        self._paint_bar(painter, area)
        self._paint_words(painter, area.adjusted(space(2.5), 0, -space(2), -BAR))

    def _paint_bar(self, painter: QPainter, area: QRectF) -> None:
        inside = QPainterPath()
        inside.addRoundedRect(area, Radius.SMALL, Radius.SMALL)
        painter.save()
        painter.setClipPath(inside)
        width = area.width() * self._seconds / UNDO_SECONDS
        left = area.right() - width if self.isRightToLeft() else area.left()
        painter.fillRect(QRectF(left, area.bottom() - BAR, width, BAR), self._theme.colour("call"))
        painter.restore()

    def _paint_words(self, painter: QPainter, inner: QRectF) -> None:
        theme = self._theme
        strong = QFontMetricsF(self._font(600))
        painter.setFont(self._font(600))
        painter.setPen(theme.colour("call"))
        painter.drawText(inner, _MIDDLE | Qt.AlignmentFlag.AlignRight, f"{math.ceil(self._seconds)} s")
        inner.setRight(inner.right() - strong.horizontalAdvance("10 s") - space(1))
        undo = strong.horizontalAdvance(UNDO) + space(2)
        cap = strong.horizontalAdvance(KEY) + space(2)
        # Beside a sentence of two lines or in large letters there is no room for the key's cap.
        if self._fits(inner.width() - cap - undo):
            self._paint_cap(painter, inner, cap)
            inner.setRight(inner.right() - cap - space(1))
        painter.setPen(theme.colour("call"))
        painter.drawText(inner, _MIDDLE | Qt.AlignmentFlag.AlignRight, UNDO)
        inner.setRight(inner.right() - undo)
        painter.setFont(self._font(500))
        painter.setPen(theme.colour("on_rail"))
        painter.drawText(inner, _MIDDLE | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap, self._done)

    def _fits(self, width: float) -> bool:
        """Whether the sentence has at most two lines in `width`."""
        metrics = QFontMetricsF(self._font(500))
        needed = metrics.boundingRect(QRectF(0, 0, width, 1000), Qt.TextFlag.TextWordWrap, self._done)
        return needed.width() <= width and needed.height() <= metrics.lineSpacing() * 2 + 1

    def _paint_cap(self, painter: QPainter, inner: QRectF, width: float) -> None:
        height = painter.fontMetrics().height() + space(1)
        cap = QRectF(inner.right() - width, inner.center().y() - height / 2, width, height)
        rounded(painter, cap, Radius.TINY, edge=QPen(self._theme.colour("on_rail"), 1.2))
        painter.setPen(self._theme.colour("on_rail"))
        painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, KEY)

    def _font(self, weight: int) -> QFont:
        return self._theme.font(Size.BASE, weight, tabular=True)
