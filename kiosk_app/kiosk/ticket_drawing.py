"""Draws a ticket: the number very large, a perforation, and what to expect."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen

from core import wording
from core.qt.look.palette import Role
from core.qt.look.theme import Theme
from core.qt.look.widgets import rounded
from kiosk_app.shared.physical_scale import PhysicalScale
from kiosk_app.shared.text_lines import draw_lines


@dataclass(frozen=True)
class TicketWords:
    """Text of the ticket page.

    Attributes:
        number, service: ticket number and name of the service.
        figures: one or two (figure, label) pairs, e.g. ("3", "people ahead"), ("10–20 min", "likely wait, from 10:42").
    """

    number: str = ""
    service: str = ""
    figures: tuple[tuple[str, str], ...] = ()


class TicketDrawing:
    """Draws one ticket with the sizes of `scale`."""

    def __init__(self, theme: Theme, scale: PhysicalScale, words: TicketWords) -> None:
        self._theme, self._scale, self._words = theme, scale, words

    def paint(self, painter: QPainter, card: QRectF) -> None:
        """Draws the ticket into `card` (logical pixels)."""
        rounded(painter, card, self._scale.px(60), self._theme.colour("on_ticket_ground"))
        upper = self._upper(card)
        tear = upper.bottom()
        self._paint_tear(painter, card, tear)
        self._paint_number(painter, upper)
        lower = QRectF(card.left(), tear, card.width(), card.bottom() - tear)
        self._paint_figures(painter, lower.adjusted(self._scale.px(70), 0, -self._scale.px(70), 0))

    def number_height(self, card: QRectF) -> float:
        """Returns the cap height of the number in a ticket of this size, in logical pixels."""
        return QFontMetricsF(self._number_font(self._upper(card))).capHeight()

    def _upper(self, card: QRectF) -> QRectF:
        return QRectF(card.left(), card.top(), card.width(), card.height() * 0.63)

    def _number_font(self, area: QRectF) -> QFont:
        most = min(self._scale.px(296), area.height() - 2 * self._line() - self._scale.px(40))
        return self._fitting(self._words.number, area.width() * 0.86, most, 800)

    def _line(self) -> float:
        return self._scale.body * 1.35

    def _paint_tear(self, painter: QPainter, card: QRectF, tear: float) -> None:
        notch = self._scale.px(30)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("ticket_ground"))
        for left in (card.left(), card.right()):
            painter.drawEllipse(QPointF(left, tear), notch, notch)
        dots = QPen(self._theme.colour("touch_border"), self._scale.px(6))
        dots.setCapStyle(Qt.PenCapStyle.RoundCap)
        dots.setDashPattern([0.01, 2.4])
        painter.setPen(dots)
        painter.drawLine(QPointF(card.left() + notch * 1.5, tear), QPointF(card.right() - notch * 1.5, tear))

    def _paint_number(self, painter: QPainter, area: QRectF) -> None:
        scale, words = self._scale, self._words
        label = self._theme.font(scale.body, 400)
        service = self._theme.font(max(scale.px(50), scale.body), 600)
        line, number = self._line(), self._number_font(area)
        capital = QFontMetricsF(number).capHeight()
        gap = max(scale.px(12), (area.height() - 2 * line - capital) / 4)
        top = self._centred(
            painter, label, "text_secondary", wording.YOUR_NUMBER, area, area.top() + gap, line
        )
        top = self._centred(painter, number, "text", words.number, area, top + gap, capital)
        self._centred(painter, service, "text", words.service, area, top + gap, line)

    def _centred(
        self, painter: QPainter, font: QFont, role: Role, text: str, area: QRectF, top: float, height: float
    ) -> float:
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width() * 0.92)
        painter.setPen(self._theme.colour(role))
        left = area.center().x() - metrics.horizontalAdvance(shown) / 2
        return draw_lines(painter, font, [shown], left, top, height)

    def _fitting(self, text: str, width: float, size: float, weight: int) -> QFont:
        font = self._theme.font(size, weight, tabular=True)
        advance = QFontMetricsF(font).horizontalAdvance(text)
        return font if advance <= width else self._theme.font(size * width / advance, weight, tabular=True)

    def _paint_figures(self, painter: QPainter, area: QRectF) -> None:
        gap = self._scale.px(56)
        size, widths = self._figures_size(area.width() - gap * (len(self._words.figures) - 1))
        large, small = self._figure_fonts(size)
        most = max((label.count("\n") + 1 for _, label in self._words.figures if label), default=0)
        top = area.center().y() - size * (1.74 + most * 1.25) / 2
        left = area.left()
        for (figure, label), width in zip(self._words.figures, widths, strict=True):
            painter.setPen(self._theme.colour("text"))
            bottom = draw_lines(painter, large, [figure], left, top, size * 1.74)
            painter.setPen(self._theme.colour("text_secondary"))
            draw_lines(painter, small, label.split("\n"), left, bottom, size * 1.25)
            left += width + gap

    def _figures_size(self, room: float) -> tuple[float, list[float]]:
        """Returns the label size with which all figures fit side by side into `room`, and the columns' widths."""
        size = max(min(self._scale.body, self._scale.px(46)), self._scale.least)
        while True:
            large, small = map(QFontMetricsF, self._figure_fonts(size))
            widths = [
                max(large.horizontalAdvance(figure), *map(small.horizontalAdvance, label.split("\n")))
                for figure, label in self._words.figures
            ]
            if sum(widths) <= room or size <= self._scale.least:
                return size, widths
            size *= 0.95

    def _figure_fonts(self, size: float) -> tuple[QFont, QFont]:
        return self._theme.font(size * 1.4, 700, tabular=True), self._theme.font(size, 400, tabular=True)
