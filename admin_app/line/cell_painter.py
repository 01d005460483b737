"""Paints the cells of the line's tables: bold numbers, waits as pills with colour and icon."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPixmap, QStaticText
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTableView

from admin_app import console_flow as flow
from core.qt.look.palette import Tone
from core.qt.look.theme import Size, Theme, space
from core.qt.look.widgets import paint_pill
from core.qt.queue_model import WAITED_ROLE, Column

ROW_HEIGHT = 49
PILL_HEIGHT = 28
MOST_CACHED = 4000
_PLACE, _WAITED, _TEXT = int(Column.PLACE), int(Column.WAITED), Qt.ItemDataRole.DisplayRole
_TABULAR = (Column.PLACE, Column.NUMBER, Column.WAITED)


def left_margin(column: int) -> int:
    """Returns the left margin of a column's text, in logical pixels; the same in header and rows."""
    return space(3) if column == Column.PLACE else space(1.5)


class CellPainter(QStyledItemDelegate):
    """Paints whole cells without the style, from cached fonts, colours, shaped texts and pills.

    A repaint of the table must fit into a frame (DECISIONS: How are the cells of the line painted?).
    """

    def __init__(self, theme: Theme, table: QTableView, model: QAbstractItemModel, *, waits: bool) -> None:
        """`waits`: the rows are waiting tickets in calling order; the first is highlighted, long waits are coloured."""
        super().__init__(table)
        self._theme, self._table, self._model, self._waits = theme, table, model, waits
        self._cache_look()
        theme.changed.connect(self._cache_look)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row, column = index.row(), index.column()
        area = option.rect
        left, top, width = area.left(), area.top(), area.width()
        self._paint_ground(painter, left, top, width, row)
        # The row, not the ticket's position: positions of several services would repeat in one list.
        # Calls the model directly: `index.data()` takes twice as long.
        words = str(row + 1) if column == _PLACE else self._model.data(index, _TEXT) or "—"
        margin = self._margins[column]
        if column == _WAITED and self._waits:
            tone = flow.wait_tone(self._model.data(index, WAITED_ROLE))
            if tone != "neutral":
                self._paint_wait(painter, left + margin, top, words, tone)
                return
        painter.setFont(self._fonts[column])
        painter.setPen(self._pens[column])
        shaped = self._shaped(words, width - margin - 4, column)
        painter.drawStaticText(left + margin, top + self._tops[column], shaped)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, ROW_HEIGHT)

    def _cache_look(self) -> None:
        theme = self._theme
        self._margins = [left_margin(column) for column in Column]
        self._fonts = [self._font(column) for column in Column]
        self._metrics = [QFontMetrics(font) for font in self._fonts]
        self._pens = [theme.colour("text_secondary" if not column else "text") for column in Column]
        self._separator, self._next = theme.colour("separator"), theme.colour("action_soft")
        self._focus: QColor = theme.colour("focus")
        self._tops = [(ROW_HEIGHT - metrics.height()) // 2 for metrics in self._metrics]
        self._pills: dict[tuple[str, Tone, float], QPixmap] = {}
        self._shaped_texts: dict[tuple[str, int, int], QStaticText] = {}

    def _font(self, column: Column) -> QFont:
        size, weight = (Size.LARGE, 700) if column is Column.NUMBER else (Size.BASE, 400)
        return self._theme.font(size, weight, tabular=column in _TABULAR)

    def _shaped(self, words: str, width: int, column: int) -> QStaticText:
        found = self._shaped_texts.get((words, width, column))
        if found is None:
            if len(self._shaped_texts) > MOST_CACHED:
                self._shaped_texts.clear()
            shown = self._metrics[column].elidedText(words, Qt.TextElideMode.ElideRight, width)
            found = QStaticText(shown)
            found.setTextFormat(Qt.TextFormat.PlainText)
            found.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
            found.prepare(font=self._fonts[column])
            self._shaped_texts[words, width, column] = found
        return found

    def _paint_ground(self, painter: QPainter, left: int, top: int, width: int, row: int) -> None:
        if row == 0 and self._waits:
            painter.fillRect(left, top, width, ROW_HEIGHT, self._next)
        painter.fillRect(left, top + ROW_HEIGHT - 1, width, 1, self._separator)
        if self._table.hasFocus() and self._table.currentIndex().row() == row:
            painter.fillRect(left, top + ROW_HEIGHT - 3, width, 3, self._focus)

    def _paint_wait(self, painter: QPainter, left: int, top: int, words: str, tone: Tone) -> None:
        ratio = self._table.devicePixelRatioF()
        found = self._pills.get((words, tone, ratio))
        if found is None:
            if len(self._pills) > MOST_CACHED:
                self._pills.clear()
            found = self._pills[words, tone, ratio] = self._pill(words, tone, ratio)
        painter.drawPixmap(left, top + (ROW_HEIGHT - PILL_HEIGHT) // 2, found)

    def _pill(self, words: str, tone: Tone, ratio: float) -> QPixmap:
        metrics = QFontMetrics(self._theme.font(Size.SECONDARY, 600, tabular=True))
        width = metrics.horizontalAdvance(words) + 46
        picture = QPixmap(round(width * ratio), round(PILL_HEIGHT * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        icon = "clock-alert" if tone == "attention" else "triangle-alert"
        paint_pill(painter, self._theme, QRectF(0, 0, width, PILL_HEIGHT), words, tone, icon)
        painter.end()
        return picture
