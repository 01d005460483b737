"""Header of the kiosk's pages: logo, clinic name, clock."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from core.qt.look import icons
from core.qt.look.theme import Theme
from core.qt.look.widgets import rounded
from kiosk_app.shared.physical_scale import PhysicalScale


def header_area(scale: PhysicalScale) -> QRect:
    """Returns the header's rectangle in a window with this scale."""
    return QRect(0, 0, scale.width, round(min(scale.px(180), scale.height * 0.14)))


class Header(QWidget):
    """Paints logo, clinic name and clock on its page's background."""

    def __init__(self, theme: Theme, scale: PhysicalScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._scale = theme, scale
        self._clinic, self._clock = "", ""
        theme.changed.connect(self.update)

    @property
    def clock(self) -> str:
        return self._clock

    def say(self, clinic: str, clock: str) -> None:
        """Shows the clinic's name and the time of day."""
        if (clinic, clock) != (self._clinic, self._clock):
            self._clinic, self._clock = clinic, clock
            self.setAccessibleName(f"{clinic}, {clock}")
            self.update()

    def set_scale(self, scale: PhysicalScale) -> None:
        """Applies the scale of a resized window."""
        self._scale = scale
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        scale, margin = self._scale, self._scale.margin
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(scale.px(76), self.height() * 0.56)
        logo = QRectF(margin, (self.height() - side) / 2, side, side)
        rounded(painter, logo, side * 0.27, self._theme.colour("action"))
        inset = side * 0.22
        colour = self._theme.palette.on_action
        icons.draw(painter, "heart-pulse", colour, logo.adjusted(inset, inset, -inset, -inset))
        self._paint_words(painter, logo, min(scale.px(46), side * 0.62))

    def _paint_words(self, painter: QPainter, logo: QRectF, size: float) -> None:
        area = QRectF(0, 0, self.width() - self._scale.margin, self.height())
        painter.setFont(self._theme.font(size, 500, tabular=True))
        painter.setPen(self._theme.colour("text_secondary"))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._clock)
        clock_width = painter.fontMetrics().horizontalAdvance(self._clock)
        name = area.adjusted(logo.right() + size * 0.5, 0, -clock_width - size, 0)
        font = self._theme.font(size, 600)
        painter.setFont(font)
        painter.setPen(self._theme.colour("text"))
        shown = QFontMetricsF(font).elidedText(self._clinic, Qt.TextElideMode.ElideRight, name.width())
        painter.drawText(name, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
