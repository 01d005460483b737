"""Cards of the welcome page, one a service: their text, their layout, their drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core.qt.look import icons
from core.qt.look.theme import Theme
from core.qt.look.widgets import rounded
from kiosk_app.kiosk.touch import TouchButton
from kiosk_app.shared.physical_scale import CARD_MM, GAP_MM, PhysicalScale
from kiosk_app.shared.text_lines import fits, wrap

ONE_COLUMN, TWO_COLUMNS = 5, 10
"""Most services on a sheet with one column and with two."""
FULL_TEXT = (1.0, 0.95, 0.9)
SMALLER_TEXT = (0.82, 0.75, 0.7)
"""Factors on the drawings' text sizes, tried in this order."""


@dataclass(frozen=True)
class CardWords:
    """Text and icon of a card.

    Attributes:
        code, name, icon: the service; `icon` is a file name in `resources/icons`.
        details: one or two short parts, e.g. ("3 people ahead", "about 10–20 min").
        open: whether it can be touched.
    """

    code: str
    name: str
    icon: str
    details: tuple[str, ...]
    open: bool


@dataclass(frozen=True)
class CardLayout:
    """Layout of the cards on a sheet.

    Attributes:
        columns, per_sheet: number of columns, and of cards on a sheet.
        text: factor on the drawings' text sizes, at most 1.
        size: size of every card in logical pixels.
        gap: space between two cards in logical pixels.
    """

    columns: int
    per_sheet: int
    text: float
    size: QSize
    gap: int

    def height(self, count: int) -> int:
        """Returns the height of `count` cards in logical pixels."""
        rows = ceil(max(1, count) / self.columns)
        return rows * self.size.height() + (rows - 1) * self.gap

    def place(self, index: int, area: QRect) -> QRect:
        """Returns the rectangle of the sheet's card number `index`, from 0, within `area`."""
        row, column = divmod(index, self.columns)
        left = area.left() + column * (self.size.width() + self.gap)
        return QRect(QPoint(left, area.top() + row * (self.size.height() + self.gap)), self.size)

    def with_sheet(self, per_sheet: int) -> CardLayout:
        """Returns a copy with `per_sheet` cards on a sheet."""
        return replace(self, per_sheet=per_sheet)


def card_layout(
    theme: Theme, scale: PhysicalScale, cards: Sequence[CardWords], width: int, columns: int, text: float
) -> CardLayout:
    """Returns the layout of `cards` in `columns` on `width` logical pixels.

    The card with most text sets the height of all. `text` is the factor on the drawings' text sizes.
    """
    gap = max(scale.mm(GAP_MM), round(scale.px(24)))
    own = (width - (columns - 1) * gap) // columns
    needed = (CardDrawing(theme, scale, text, own, card).height for card in cards)
    height = max(scale.mm(CARD_MM), *needed, 0)
    return CardLayout(columns, TWO_COLUMNS, text, QSize(own, height), gap)


class CardDrawing:
    """Measures and draws one card of a given width.

    Attributes:
        height: the height that the card needs, in logical pixels.
        cut: whether text is elided.
    """

    def __init__(self, theme: Theme, scale: PhysicalScale, text: float, width: int, words: CardWords) -> None:
        self._theme, self._scale, self._words = theme, scale, words
        self._narrow = width < scale.px(700)
        self._padding = scale.px(24 if self._narrow else 38)
        self._picture = scale.px(84 if self._narrow else 140) * (text if text < 0.9 else 1.0)
        self._title = theme.font(max(scale.px(58) * text, scale.least * 1.1), 700)
        self._body = theme.font(max(scale.body * text, scale.least), 400, tabular=True)
        chevron = scale.px(64) if words.open and not self._narrow else 0.0
        self._room = width - 2 * self._padding - self._picture - self._padding * 0.8 - chevron
        self._shrink_title(words.name)
        self._names = wrap(QFontMetricsF(self._title), words.name, self._room)
        self._lines = self._detail_lines()
        words_height = self._line(self._title) * len(self._names) + self._line(self._body) * len(self._lines)
        self.height = ceil(max(words_height, self._picture) + self._padding * (1.5 if text >= 0.9 else 1.0))

    @property
    def capitals_mm(self) -> tuple[float, float]:
        """Cap heights of name and details on the screen, in millimetres."""
        title, body = (QFontMetricsF(font).capHeight() for font in (self._title, self._body))
        return title / self._scale.pixels_per_mm, body / self._scale.pixels_per_mm

    @property
    def cut(self) -> bool:
        return any(line.endswith("…") for line in (*self._names, *self._lines))

    def _shrink_title(self, name: str) -> None:
        """Shrinks the name's font until the name fits, down to slightly over the smallest readable size."""
        least = self._scale.least * 1.05
        while not fits(QFontMetricsF(self._title), name, self._room) and self._title.pixelSize() > least:
            self._title.setPixelSize(max(int(least), round(self._title.pixelSize() * 0.93)))

    def _detail_lines(self) -> list[str]:
        metrics = QFontMetricsF(self._body)
        joined = " · ".join(self._words.details)
        if metrics.horizontalAdvance(joined) <= self._room:
            return [joined]
        return [line for part in self._words.details for line in wrap(metrics, part, self._room)]

    def _line(self, font: object) -> float:
        metrics = QFontMetricsF(self._title if font is self._title else self._body)
        return metrics.height() * 0.98

    def paint(self, painter: QPainter, area: QRectF, pressed: bool) -> None:
        theme, scale, is_open = self._theme, self._scale, self._words.open
        edge = QPen(theme.colour("touch_border"), scale.px(3))
        if not is_open:
            edge.setStyle(Qt.PenStyle.CustomDashLine)
            edge.setDashPattern([2.2, 2.2])
        ground = theme.colour("action_soft" if pressed else "surface") if is_open else None
        rounded(painter, area, scale.px(36), ground, edge)
        self._paint_picture(painter, area, edge)
        self._paint_words(painter, area)
        if is_open and not self._narrow:
            side = scale.px(64)
            chevron = QRectF(area.right() - self._padding - side, area.center().y() - side / 2, side, side)
            icons.draw(painter, "chevron-right", theme.palette.action, chevron)

    def _paint_picture(self, painter: QPainter, area: QRectF, edge: QPen) -> None:
        theme, side = self._theme, self._picture
        box = QRectF(area.left() + self._padding, area.center().y() - side / 2, side, side)
        solid = QPen(edge.color(), edge.widthF())
        if self._words.open:
            rounded(painter, box, side * 0.22, theme.colour("action_soft"))
        else:
            rounded(painter, box, side * 0.22, edge=solid)
        inset = side * 0.22
        colour = theme.palette.action if self._words.open else theme.palette.text_secondary
        icons.draw(painter, self._words.icon, colour, box.adjusted(inset, inset, -inset, -inset))

    def _paint_words(self, painter: QPainter, area: QRectF) -> None:
        left = area.left() + self._padding + self._picture + self._padding * 0.8
        lines = [(self._title, name) for name in self._names] + [(self._body, line) for line in self._lines]
        top = area.center().y() - sum(self._line(font) for font, _ in lines) / 2
        for font, text in lines:
            height = self._line(font)
            painter.setFont(font)
            painter.setPen(self._colour(font is self._title))
            line = QRectF(left, top, self._room + 4, height)
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
            top += height

    def _colour(self, title: bool) -> QColor:
        return self._theme.colour("text" if title and self._words.open else "text_secondary")


class ServiceCard(TouchButton):
    """Card of one service. A closed service has a dashed edge, can't be touched and shows when it opens.

    A touch counts for the service that was shown when the finger went down. If the card shows another one by then, it
    counts for none.

    Signals:
        chosen(str): the code of the service that was touched; only while it is open.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, scale: PhysicalScale, parent: QWidget | None = None) -> None:
        super().__init__(theme, scale, parent)
        self.words = CardWords("", "", "", (), open=False)
        self._text = 1.0
        self._pressed: str | None = None
        self.clicked.connect(self._choose)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self.words.code
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._pressed = self.words.code
        super().keyPressEvent(event)

    def _choose(self) -> None:
        pressed, self._pressed = self._pressed, None
        # A click without a press, as assistive technology makes it, is for what is shown.
        if pressed in (None, self.words.code):
            self.chosen.emit(self.words.code)

    def say(self, words: CardWords, scale: PhysicalScale, text: float) -> None:
        """Shows a service; `text` is the factor on the drawings' text sizes."""
        if (words, scale, text) == (self.words, self._scale, self._text):
            return
        self.words, self._scale, self._text = words, scale, text
        self.setEnabled(words.open)
        self.setText(words.name)
        self.setAccessibleName(f"{words.name}. {', '.join(words.details)}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        drawing = CardDrawing(self._theme, self._scale, self._text, self.width(), self.words)
        drawing.paint(painter, area, self.isDown())
        self._paint_ring(painter, area, self._scale.px(36), self._theme.colour("focus"))
