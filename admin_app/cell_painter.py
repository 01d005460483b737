"""Paints the cells of the line's tables: numbers bold, waits with their colour, icon and words."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTableView

from admin_app import console_flow as flow
from core.qt.palette import Tone
from core.qt.queue_model import WAITED_ROLE, Column
from core.qt.theme import Size, Theme, space
from core.qt.widgets import paint_pill

ROW_HEIGHT = 49
PILL_HEIGHT = 28
_TABULAR = (Column.PLACE, Column.NUMBER, Column.WAITED)
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


def left_margin(column: int) -> int:
    """Where a column's words begin, in the head as in the rows."""
    return space(3) if column == Column.PLACE else space(1.5)


class CellPainter(QStyledItemDelegate):
    """Paints whole cells by itself: the style sheet's way would cost ten times as much a frame."""

    def __init__(self, theme: Theme, table: QTableView) -> None:
        super().__init__(table)
        self._theme, self._table = theme, table

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        area, column = QRectF(option.rect), Column(index.column())
        waited: float | None = index.data(WAITED_ROLE)
        self._paint_ground(painter, area, index.row(), next_up=waited is not None and index.row() == 0)
        inner = area.adjusted(left_margin(column), 0, -4, 0)
        # The place in the whole list: that of a single service's line would repeat itself here.
        words = str(index.row() + 1) if column is Column.PLACE else str(index.data() or "—")
        tone = flow.wait_tone(waited) if waited is not None and column is Column.WAITED else "neutral"
        if tone == "neutral":
            self._paint_words(painter, inner, words, column)
        else:
            self._paint_wait(painter, inner, words, tone)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, ROW_HEIGHT)

    def _paint_ground(self, painter: QPainter, area: QRectF, row: int, *, next_up: bool) -> None:
        theme = self._theme
        if next_up:
            painter.fillRect(area, theme.colour("action_soft"))
        painter.fillRect(QRectF(area.left(), area.bottom() - 1, area.width(), 1), theme.colour("separator"))
        if self._table.hasFocus() and self._table.currentIndex().row() == row:
            edge = QRectF(area.left(), area.bottom() - 3, area.width(), 3)
            painter.fillRect(edge, theme.colour("focus"))

    def _paint_words(self, painter: QPainter, inner: QRectF, words: str, column: Column) -> None:
        size, weight = (Size.LARGE, 700) if column is Column.NUMBER else (Size.BASE, 400)
        painter.setFont(self._theme.font(size, weight, tabular=column in _TABULAR))
        painter.setPen(self._theme.colour("text_secondary" if column is Column.PLACE else "text"))
        metrics = QFontMetricsF(painter.font())
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, _LEFT, shown)

    def _paint_wait(self, painter: QPainter, inner: QRectF, words: str, tone: Tone) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(self._theme.font(Size.SECONDARY, 600, tabular=True))
        width = min(metrics.horizontalAdvance(words) + 46, inner.width())
        top = inner.center().y() - PILL_HEIGHT / 2
        icon = "clock-alert" if tone == "attention" else "triangle-alert"
        pill = QRectF(inner.left(), top, width, PILL_HEIGHT)
        paint_pill(painter, self._theme, pill, words, tone, icon)
