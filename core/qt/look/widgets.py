"""Small widgets of both programs, painted from the theme's roles; they repaint when the theme changes.

Pill(theme, "12 min", tone="attention", icon="clock-alert")     a word with an icon on a soft ground
Card(theme)                                                      a rounded surface; put a layout in it
Notice(theme); notice.say("The hub can't be reached.", tone="attention"); notice.clear()
Choice(theme)                                                    a combo box
text_label(theme, "Counter 3", Size.TITLE, 600, role="text")     a label that keeps its role's colour
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.qt.look import icons
from core.qt.look.palette import Role, Tone
from core.qt.look.plain_text import EmphasisLabel, PlainLabel
from core.qt.look.theme import Radius, Size, Theme, space


def rounded(
    painter: QPainter, area: QRectF, radius: float, fill: QColor | None = None, edge: QPen | None = None
) -> None:
    """Draws a rounded rectangle whose edge lies wholly inside `area`."""
    half = edge.widthF() / 2 if edge is not None else 0.0
    painter.setPen(edge if edge is not None else Qt.PenStyle.NoPen)
    painter.setBrush(fill if fill is not None else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(area.adjusted(half, half, -half, -half), radius - half, radius - half)


class Pill(QWidget):
    """One or two words on a soft ground, with an icon so that colour is not the only sign. Not touchable."""

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        tone: Tone = "neutral",
        icon: str | None = None,
        size: float = Size.SECONDARY,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._text, self._tone, self._icon_name, self._size = theme, text, tone, icon, size
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)
        theme.changed.connect(self._renew)

    def set(self, text: str, tone: Tone = "neutral", icon: str | None = None) -> None:
        """Changes text, tone and icon."""
        if (text, tone, icon) != (self._text, self._tone, self._icon_name):
            self._text, self._tone, self._icon_name = text, tone, icon
            self.setAccessibleName(text)
            self._renew()

    def text(self) -> str:
        return self._text

    def sizeHint(self) -> QSize:
        return pill_size(self._theme, self._text, self._icon_name, self._size)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        paint_pill(painter, self._theme, area, self._text, self._tone, self._icon_name, self._size)

    def _renew(self) -> None:
        self.updateGeometry()
        self.update()


def pill_size(theme: Theme, text: str, icon: str | None = None, size: float = Size.SECONDARY) -> QSize:
    """Returns the size that `paint_pill` needs, in logical pixels."""
    metrics = QFontMetricsF(theme.font(size, 600, tabular=True))
    side = metrics.height()
    width = metrics.horizontalAdvance(text) + side * (2.4 if icon else 1.2)
    return QSize(round(width) + 2, round(side * 1.65))


def paint_pill(
    painter: QPainter,
    theme: Theme,
    area: QRectF,
    text: str,
    tone: Tone = "neutral",
    icon: str | None = None,
    size: float = Size.SECONDARY,
) -> None:
    """Paints a pill into `area`, for `Pill` and for the delegates of tables."""
    strong, soft = theme.palette.tone(tone)
    rounded(painter, area, min(area.height() / 2, Radius.MEDIUM), QColor(soft))
    font = theme.font(size, 600, tabular=True)
    side = QFontMetricsF(font).height()
    inner = area.adjusted(side * 0.6, 0, -side * 0.6, 0)
    if icon:
        top = area.center().y() - side * 0.45
        icons.draw(painter, icon, strong, QRectF(inner.left(), top, side * 0.9, side * 0.9))
        inner.setLeft(inner.left() + side * 1.2)
    painter.setFont(font)
    painter.setPen(theme.colour("on_soft"))
    painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


class Card(QFrame):
    """A rounded surface with a thin edge."""

    def __init__(self, theme: Theme, radius: int = Radius.MEDIUM, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._radius = theme, radius
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = QPen(self._theme.colour("separator"), 1)
        rounded(painter, QRectF(self.rect()), self._radius, self._theme.colour("surface"), edge)

    def centre_in(self, page: QWidget) -> None:
        """Becomes the only content of a page, a little above its middle."""
        # Stretches centre the card. An alignment would keep it from growing with a notice of several lines.
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self)
        row.addStretch(1)
        column = QVBoxLayout(page)
        column.addStretch(2)
        column.addLayout(row)
        column.addStretch(3)


_NOTICE_ICONS: dict[Tone, str] = {
    "neutral": "info",
    "action": "info",
    "attention": "circle-alert",
    "danger": "triangle-alert",
    "success": "circle-check",
}


class Notice(QFrame):
    """A sentence inside the window: what happened and what to do. Hidden while it has no sentence."""

    def __init__(self, theme: Theme, size: float = Size.BASE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._size = theme, size
        self._tone: Tone = "neutral"
        self._picture = PlainLabel(parent=self)
        self._words = PlainLabel(parent=self)
        self._words.setWordWrap(True)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addWidget(self._words, 1)
        self.hide()
        theme.changed.connect(self._renew)

    def say(self, sentence: str, tone: Tone = "neutral") -> None:
        """Shows a sentence."""
        self._tone = tone
        self._words.setText(sentence)
        self.setAccessibleName(sentence)
        self._renew()
        self.show()

    def set_size(self, size: float) -> None:
        """Sets the text size in logical pixels."""
        self._size = size
        self._renew()

    def clear(self) -> None:
        """Removes the sentence and hides the notice."""
        self._words.clear()
        self.setAccessibleName("")
        self.hide()

    def text(self) -> str:
        return self._words.text()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(self._theme.palette.tone(self._tone)[1])
        rounded(painter, QRectF(self.rect()), max(Radius.SMALL, self._size * 0.75), ground)

    def _renew(self) -> None:
        strong, _ = self._theme.palette.tone(self._tone)
        side = round(self._size * 1.4)
        picture = icons.pixmap(_NOTICE_ICONS[self._tone], strong, side, self.devicePixelRatioF())
        self._picture.setPixmap(picture)
        margin = round(self._size * 0.9)
        self._row.setContentsMargins(margin + space(1), margin, margin, margin)
        self._row.setSpacing(margin)
        self._words.setFont(self._theme.font(self._size, 500))
        self._words.setStyleSheet(f"color: {self._theme.palette.on_soft}")
        self.update()


class Choice(QComboBox):
    """A combo box whose arrow follows the theme (a style sheet can't recolour one)."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        area = QRectF(self.width() - 34, self.height() / 2 - 9, 18, 18)
        icons.draw(QPainter(self), "chevron-down", self._theme.palette.text, area)


class TextLabel(EmphasisLabel):
    """A label whose font and colour follow the theme."""

    def __init__(self, theme: Theme, text: str, size: float, weight: int, role: Role, tabular: bool) -> None:
        super().__init__(text)
        self._theme, self._size, self._weight, self._role, self._tabular = theme, size, weight, role, tabular
        theme.changed.connect(self._renew)
        self._renew()

    def set_role(self, role: Role) -> None:
        """Changes the role of the colour."""
        if role != self._role:
            self._role = role
            self._renew()

    def _renew(self) -> None:
        self.setFont(self._theme.font(self._size, self._weight, self._tabular))
        self.setStyleSheet(f"color: {self._theme.palette.colour(self._role)}; background: transparent")


def text_label(
    theme: Theme,
    text: str = "",
    size: float = Size.BASE,
    weight: int = 400,
    role: Role = "text",
    tabular: bool = False,
) -> TextLabel:
    """Makes a label in the theme's typeface; `tabular` for numbers and clocks."""
    return TextLabel(theme, text, size, weight, role, tabular)
