"""Panels of the wall monitor: header, current call, earlier calls, next numbers, grey frame."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core import wording
from core.qt.look import icons
from core.qt.look.palette import Role
from core.qt.look.theme import Theme
from core.qt.look.widgets import rounded
from kiosk_app.shared.physical_scale import CAPITAL
from kiosk_app.shared.text_lines import draw_lines, wrap
from kiosk_app.wall.monitor_board import Board, BoardMode, Call
from kiosk_app.wall.wall_layout import SHIFT_BY
from kiosk_app.wall.wall_panel import LEAST, Panel


class WallHeader(Panel[Board]):
    """Clinic name, room name and clock."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        clock = self._font(0.058, 600)
        self._text(painter, area, clock, "wall_text", self.shown.clock, right=True)
        area.setRight(area.right() - QFontMetricsF(clock).horizontalAdvance("00:00") - self._side * 0.05)
        clinic, room = self._font(LEAST, 700), self._font(LEAST, 400)
        self._text(painter, area, clinic, "wall_text", self.shown.clinic)
        area.setLeft(
            area.left() + QFontMetricsF(clinic).horizontalAdvance(self.shown.clinic) + self._side * 0.035
        )
        if area.width() > self._side * 0.15:
            self._text(painter, area, room, "wall_secondary", self.shown.room)

    def _part(self, value: Board) -> object:
        return value.clinic, value.room, value.clock

    def _spoken(self) -> str:
        return f"{self.shown.clinic} {self.shown.room}, {self.shown.clock}"


class CurrentCallPanel(Panel[Board]):
    """The newest call, very large, or the board's heading and sentence in its place."""

    def __init__(self, theme: Theme, shown: Board, parent: QWidget | None = None) -> None:
        super().__init__(theme, shown, parent)
        self._dimmed = False

    @property
    def dimmed(self) -> bool:
        return self._dimmed

    @property
    def number_height(self) -> float:
        """Cap height of the number in logical pixels; 0 without a call."""
        call = self.shown.current
        return QFontMetricsF(self._number_font(self._inner(), call)).capHeight() if call else 0.0

    def set_dimmed(self, dimmed: bool) -> None:
        """Switches between the bright and the dark half of a pulse."""
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        board, area = self.shown, QRectF(self.rect())
        call = board.current
        bright = call is not None and call.fresh and not board.heading
        ground: Role = ("call_dimmed" if self._dimmed else "call") if bright else "wall_row"
        rounded(painter, area, self._side * 0.05, self._theme.colour(ground))
        inner = self._inner()
        if call is None or board.heading:
            self._paint_sentence(painter, inner)
        else:
            self._paint_call(painter, inner, call, bright)

    def _inner(self) -> QRectF:
        return QRectF(self.rect()).adjusted(*(self._side * part for part in (0.075, 0.035, -0.06, -0.035)))

    def _number_font(self, area: QRectF, call: Call) -> QFont:
        most = min(0.345, area.height() * 0.45 / CAPITAL / self._side)
        return self._fitting(call.number, area.width(), most, 800, least=LEAST)

    def _paint_call(self, painter: QPainter, area: QRectF, call: Call, bright: bool) -> None:
        words: Role = "on_call" if bright else "wall_text"
        quiet: Role = "on_call" if bright else "wall_secondary"
        number = self._number_font(area, call)
        heights = [self._side * 0.085, QFontMetricsF(number).capHeight(), self._side * 0.14]
        gap = (area.height() - sum(heights)) / 4
        line = QRectF(area.left(), area.top() + gap, area.width(), heights[0])
        self._text(
            painter,
            line,
            self._font(0.058, 600),
            quiet,
            wording.NOW_CALLING if bright else wording.LAST_CALLED,
        )
        painter.setPen(self._theme.colour(words))
        bottom = draw_lines(painter, number, [call.number], area.left(), line.bottom() + gap, heights[1])
        self._paint_counter(
            painter, QRectF(area.left(), bottom + gap, area.width(), heights[2]), call.counter, words
        )

    def _paint_counter(self, painter: QPainter, area: QRectF, counter: str, words: Role) -> None:
        if not counter:
            return
        side = self._side * 0.085
        # The arrow's left edge is 20 % inside the icon's square: shift it left to align with the text.
        arrow = QRectF(area.left() - side * 0.2, area.center().y() - side / 2, side, side)
        icons.draw(painter, "arrow-right", self._theme.palette.colour(words), arrow, stroke=2.4)
        area.setLeft(arrow.right() + self._side * 0.03)
        self._text(
            painter, area, self._fitting(counter, area.width(), 0.112, 700, least=0.06), words, counter
        )

    def _paint_sentence(self, painter: QPainter, area: QRectF) -> None:
        heading, sentence = self._font(0.09, 700), self._font(0.06, 400)
        first = wrap(QFontMetricsF(heading), self.shown.heading, area.width(), 3)
        second = wrap(QFontMetricsF(sentence), self.shown.sentence, area.width(), 4)
        lines = (self._side * 0.115, self._side * 0.082)
        needed = len(first) * lines[0] + len(second) * lines[1] + self._side * 0.03
        top = area.center().y() - needed / 2
        painter.setPen(self._theme.colour("wall_text"))
        top = draw_lines(painter, heading, first, area.left(), top, lines[0]) + self._side * 0.03
        painter.setPen(self._theme.colour("wall_secondary"))
        draw_lines(painter, sentence, second, area.left(), top, lines[1])

    def _part(self, value: Board) -> object:
        return value.mode, value.current, value.heading, value.sentence

    def _spoken(self) -> str:
        call = self.shown.current
        if call is None or self.shown.heading:
            return f"{self.shown.heading}. {self.shown.sentence}"
        return wording.announcement(call.number, call.counter)


class CallRow(Panel[Call | None]):
    """An earlier call: number and counter name."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.shown is None:
            return
        area = QRectF(self.rect())
        rounded(painter, area, self._side * 0.033, self._theme.colour("wall_row"))
        inner = self._inner()
        number = self._number_font(self.shown, inner)
        counter_area = QRectF(inner)
        if self._one_line(inner):
            width = QFontMetricsF(number).horizontalAdvance(self.shown.number)
            counter_area.setLeft(inner.left() + width + self._side * 0.03)
        else:
            counter_area.setTop(inner.top() + inner.height() * 0.58)
            counter_area.setBottom(inner.bottom() - inner.height() * 0.08)
            inner.setBottom(inner.top() + inner.height() * 0.66)
        self._text(painter, inner, number, "call" if self.shown.fresh else "wall_text", self.shown.number)
        counter = self._fitting(self.shown.counter, counter_area.width(), 0.058, 500, least=LEAST)
        self._text(
            painter, counter_area, counter, "wall_secondary", self.shown.counter, right=self._one_line(inner)
        )

    @property
    def number_height(self) -> float:
        """Cap height of the number in logical pixels; 0 without a call."""
        call = self.shown
        return QFontMetricsF(self._number_font(call, self._inner())).capHeight() if call else 0.0

    def _inner(self) -> QRectF:
        return QRectF(self.rect()).adjusted(self._side * 0.036, 0, -self._side * 0.036, 0)

    def _number_font(self, call: Call, area: QRectF) -> QFont:
        room = area.width() * 0.62 if self._one_line(area) else area.width()
        return self._fitting(call.number, room, 0.1055, 800, least=LEAST)

    def _one_line(self, area: QRectF) -> bool:
        """Returns whether number and counter fit on one line; else the counter goes under the number."""
        return area.width() > self._side * 0.52

    def _spoken(self) -> str:
        return wording.announcement(self.shown.number, self.shown.counter) if self.shown else ""


class NextBar(Panel[Board]):
    """The next numbers and the missed numbers, on one line, or on two in portrait."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("wall_row"))
        margin = self._side * 0.052 + SHIFT_BY
        area = QRectF(self.rect()).adjusted(margin, 0, -margin, -SHIFT_BY)
        if self.shown.mode is BoardMode.STALE:
            self._paint_stale(painter, area)
        elif area.height() > self._side * 0.15:
            half = area.height() / 2
            self._paint_message(painter, area.adjusted(0, half * 0.9, 0, -half * 0.1), right=False)
            self._paint_numbers(painter, area.adjusted(0, half * 0.1, 0, -half * 0.9))
        else:
            width = self._paint_message(painter, area.adjusted(area.width() * 0.3, 0, 0, 0), right=True)
            self._paint_numbers(painter, area.adjusted(0, 0, -width - margin, 0))

    def _paint_stale(self, painter: QPainter, area: QRectF) -> None:
        """Paints only the warning: the next numbers may be called already."""
        font = self._font(LEAST * 1.06, 600)
        lines = wrap(QFontMetricsF(font), wording.stale_since(self.shown.since), area.width(), 2)
        height = self._side * LEAST * 1.6
        painter.setPen(self._theme.colour("call"))
        draw_lines(painter, font, lines, area.left(), area.center().y() - len(lines) * height / 2, height)

    def _paint_message(self, painter: QPainter, area: QRectF, right: bool) -> float:
        """Paints up to 3 missed numbers, or `wording.MISSED_YOURS` if none fits; returns the width used."""
        font = self._font(LEAST, 500)
        metrics = QFontMetricsF(font)
        messages = [wording.missed_numbers(self.shown.missed[:most]) for most in (3, 2, 1)]
        fitting = (text for text in messages if metrics.horizontalAdvance(text) <= area.width())
        message = next(fitting, wording.MISSED_YOURS)
        self._text(painter, area, font, "wall_message", message, right)
        return metrics.horizontalAdvance(message)

    def _paint_numbers(self, painter: QPainter, area: QRectF) -> None:
        label, number = self._font(LEAST, 400), self._font(LEAST * 1.06, 700)
        for index, text in enumerate((wording.NEXT, *self.shown.upcoming)):
            font = number if index else label
            width = QFontMetricsF(font).horizontalAdvance(text)
            if not self.shown.upcoming or width > area.width():
                return
            self._text(painter, area, font, "wall_text" if index else "wall_secondary", text)
            area.setLeft(area.left() + width + self._side * 0.038)

    def _part(self, value: Board) -> object:
        return value.mode, value.since, value.upcoming, value.missed

    def _spoken(self) -> str:
        if self.shown.mode is BoardMode.STALE:
            return wording.stale_since(self.shown.since)
        return (
            f"{wording.NEXT}: {', '.join(self.shown.upcoming)}. {wording.missed_numbers(self.shown.missed)}"
        )


class StaleFrame(QWidget):
    """A grey frame around the wall, shown while the board may be outdated."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        width = 0.012 * min(self.width(), self.height())
        painter.setPen(QPen(self._theme.colour("wall_stale"), width))
        painter.drawRect(QRectF(self.rect()).adjusted(width / 2, width / 2, -width / 2, -width / 2))
