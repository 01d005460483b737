"""Pages without touch targets: an icon, a heading, a sentence."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from core import wording
from core.qt.look import icons
from core.qt.look.palette import Role, Tone
from core.qt.look.theme import Theme
from kiosk_app.kiosk.header import Header, header_area
from kiosk_app.shared.physical_scale import PhysicalScale

_CENTRED = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap


def _height(font: QFont, room: float, text: str) -> float:
    return QFontMetricsF(font).boundingRect(QRectF(0, 0, room, 10_000), _CENTRED, text).height()


class MessagePage(QWidget):
    """An icon, a heading and a sentence in the middle of the window; `aside` is a small line for staff."""

    def __init__(self, theme: Theme, scale: PhysicalScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._scale = theme, scale
        self._icon_name = "hourglass"
        self._tone: Tone = "action"
        self._heading, self._sentence, self._aside = "", "", ""
        self.header = Header(theme, scale, self)
        theme.changed.connect(self.update)

    @property
    def heading(self) -> str:
        return self._heading

    @property
    def sentence(self) -> str:
        return self._sentence

    @property
    def aside(self) -> str:
        return self._aside

    def say(self, icon: str, tone: Tone, heading: str, sentence: str, aside: str = "") -> None:
        """Replaces icon and text."""
        self._icon_name, self._tone = icon, tone
        self._heading, self._sentence, self._aside = heading, sentence, aside
        self.setAccessibleName(f"{heading}. {sentence}")
        self.update()

    def set_scale(self, scale: PhysicalScale) -> None:
        """Applies the scale of a resized window."""
        self._scale = scale
        self.header.set_scale(scale)
        self.header.setGeometry(header_area(scale))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.colour("ground"))
        scale = self._scale
        room = min(self.width() - 2.0 * scale.margin, scale.px(1100))
        column = QRectF((self.width() - room) / 2, 0, room, self.height())
        heading = self._theme.font(min(scale.px(84), room * 0.1), 700)
        sentence = self._theme.font(scale.body, 400)
        side, gap = scale.px(200), scale.px(40)
        first = _height(heading, room, self._heading)
        needed = side + gap * 1.5 + first + _height(sentence, room, self._sentence)
        top = max(float(self.header.height()), (self.height() - needed) * 0.42)
        self._paint_picture(painter, QRectF(column.center().x() - side / 2, top, side, side))
        column.setTop(top + side + gap)
        self._paint_words(painter, column, heading, "text", self._heading)
        column.setTop(column.top() + first + gap * 0.5)
        self._paint_words(painter, column, sentence, "text_secondary", self._sentence)
        self._paint_aside(painter, column)

    def _paint_words(self, painter: QPainter, area: QRectF, font: QFont, role: Role, text: str) -> None:
        painter.setPen(self._theme.colour(role))
        painter.setFont(font)
        painter.drawText(area, _CENTRED, text)

    def _paint_picture(self, painter: QPainter, area: QRectF) -> None:
        strong, soft = self._theme.palette.tone(self._tone)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(soft))
        painter.drawEllipse(area)
        inset = area.width() * 0.27
        icons.draw(painter, self._icon_name, strong, area.adjusted(inset, inset, -inset, -inset))

    def _paint_aside(self, painter: QPainter, column: QRectF) -> None:
        if self._aside:
            painter.setFont(self._theme.font(self._scale.least, 400))
            painter.setPen(self._theme.colour("text_secondary"))
            bottom = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom | Qt.TextFlag.TextWordWrap
            painter.drawText(column.adjusted(0, 0, 0, -self._scale.margin), bottom, self._aside)


class JoiningPage(MessagePage):
    """Shown while a request is unanswered; a slow answer adds where else the patient can go."""

    def show_wait(self, starting: bool, slow: bool) -> None:
        """`starting`: the first connection is not up yet. `slow`: the wait exceeds `kiosk_flow.PATIENCE`."""
        quick = wording.STARTING if starting else wording.ONE_MOMENT
        heading, sentence = wording.TAKES_LONGER if slow else quick
        self.say("hourglass", "attention" if slow else "action", heading, sentence)


class OfflinePage(MessagePage):
    """Shown without a hub: only the hub gives numbers, so the page says where to go and has nothing to touch."""

    def show_reason(self, owed: bool, refused: str = "") -> None:
        """`owed`: a request is unanswered. `refused`: why the hub rejects this kiosk, for staff; else empty."""
        offline = wording.OFFLINE_REFUSED if refused else wording.OFFLINE
        heading, sentence = wording.OFFLINE_OWED if owed and not refused else offline
        self.say("unplug", "attention", heading, sentence, wording.for_staff(refused) if refused else "")
