"""The ticket page: the number very large, the service, people ahead, the likely wait, and where to wait."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from core import wording
from core.qt.look import icons
from core.qt.look.theme import Theme
from kiosk_app.kiosk.action_band import COLUMN, bar_height, controls_area
from kiosk_app.kiosk.ticket_drawing import TicketDrawing, TicketWords
from kiosk_app.kiosk.touch import PillButton
from kiosk_app.shared.physical_scale import PhysicalScale
from kiosk_app.shared.text_lines import draw_lines, wrap


class TicketPage(QWidget):
    """Shows a ticket. `kiosk_flow` decides when the page ends.

    Signals:
        done(): Done was touched.
    """

    done = Signal()

    def __init__(self, theme: Theme, scale: PhysicalScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._scale = theme, scale
        self.words = TicketWords()
        self._remaining = 1.0
        self.done_button = PillButton(
            theme, scale, wording.DONE, "ticket_ground", "on_ticket_ground", parent=self
        )
        self.done_button.clicked.connect(self.done)
        theme.changed.connect(self.update)

    def say(self, words: TicketWords) -> None:
        """Shows a ticket."""
        self.words = words
        figures = ", ".join(f"{figure} {label}".strip() for figure, label in words.figures)
        number = wording.spoken_number(words.number)
        self.setAccessibleName(f"{wording.YOUR_NUMBER}: {number}. {words.service}. {figures}")
        self.update()

    @property
    def number_mm(self) -> float:
        """Cap height of the number on the screen, in millimetres."""
        drawing = TicketDrawing(self._theme, self._scale, self.words)
        return drawing.number_height(QRectF(self._card())) / self._scale.pixels_per_mm

    def show_time(self, remaining: float, may_be_done: bool) -> None:
        """Shows the fraction of the page's time that is left, from 1 to 0, and whether Done can be touched."""
        self._remaining = remaining
        self.update(self._bar())
        if may_be_done != self.done_button.isEnabled():
            self.done_button.setEnabled(may_be_done)
            if may_be_done and self.isVisible():
                self.done_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_scale(self, scale: PhysicalScale) -> None:
        """Applies the scale of a resized window."""
        self._scale = scale
        self.done_button.set_scale(scale)
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), self._theme.colour("ticket_ground"))
        bar = QRectF(self._bar())
        bar.setWidth(bar.width() * self._remaining)
        painter.fillRect(bar, self._theme.colour("ticket_time"))
        if self._bar().contains(event.rect()):
            return
        self._paint_top(painter)
        TicketDrawing(self._theme, self._scale, self.words).paint(painter, QRectF(self._card()))
        self._paint_advice(painter)

    # --- layout ---

    def _bar(self) -> QRect:
        height = bar_height(self._scale)
        return QRect(0, self.height() - height, self.width(), height)

    def _edge(self) -> int:
        return round(min(self._scale.px(100), min(self.width(), self.height()) * 0.08))

    def _card(self) -> QRect:
        scale, edge = self._scale, self._edge()
        if scale.portrait:
            top = min(scale.px(274), self.height() * 0.145)
            height = min(scale.px(930), self.height() * 0.5)
            return QRect(edge, round(top), self.width() - 2 * edge, round(height))
        width = min(scale.px(880), self.width() * 0.54)
        height = min(scale.px(930), self.height() - 2 * edge)
        left = self.width() - edge - round(width)
        return QRect(left, round((self.height() - height) / 2), round(width), round(height))

    def _beside(self) -> QRect:
        card, edge = self._card(), self._edge()
        return QRect(edge, card.top(), card.left() - 2 * edge, card.height())

    def _advice(self) -> QRect:
        if self._scale.portrait:
            card = self._card()
            top = card.bottom() + round(self._scale.px(60))
            return QRect(card.left(), top, card.width(), self._done().top() - top)
        beside = self._beside().adjusted(0, round(self._scale.px(16)), 0, 0)
        beside.setBottom(self._done().top())
        return beside

    def _done(self) -> QRect:
        """Done lies in the band at the foot, where no page has a card: a second tap on a card can't reach it."""
        edge = self._edge()
        if self._scale.portrait:
            return controls_area(self._scale, edge, self.width() - 2 * edge)
        column = round(self.width() * COLUMN) - 2 * edge
        return controls_area(self._scale, edge, min(self._beside().width(), column))

    def _arrange(self) -> None:
        self.done_button.setGeometry(self._done())
        self.update()

    # --- painting ---

    def _paint_top(self, painter: QPainter) -> None:
        """Paints the line over the ticket in portrait. In landscape `_paint_advice` paints the same text beside it."""
        if not self._scale.portrait:
            return
        card, size = QRectF(self._card()), self._scale.body
        side = size * 1.25
        font = self._theme.font(size, 500)
        width = QFontMetricsF(font).horizontalAdvance(wording.KEEP_NUMBER) + side * 1.4
        left, middle = (self.width() - width) / 2, card.top() * 0.65
        icon = QRectF(left, middle - side / 2, side, side)
        icons.draw(painter, "ticket", self._theme.palette.on_ticket_ground, icon)
        painter.setPen(self._theme.colour("on_ticket_ground"))
        draw_lines(painter, font, [wording.KEEP_NUMBER], left + side * 1.4, middle - side / 2, side)

    def _paint_advice(self, painter: QPainter) -> None:
        area, size = QRectF(self._advice()), self._scale.body
        top = area.top()
        painter.setPen(self._theme.colour("on_ticket_ground"))
        if not self._scale.portrait:
            font = self._theme.font(size * 1.1, 700)
            lines = wrap(QFontMetricsF(font), wording.KEEP_NUMBER, area.width(), 3)
            top = draw_lines(painter, font, lines, area.left(), top, size * 1.35) + size * 0.6
        font = self._theme.font(size, 500)
        lines = wrap(QFontMetricsF(font), wording.WHERE_TO_WAIT, area.width(), 8)
        draw_lines(painter, font, lines, area.left(), top, size * 1.32)
