"""The button of the console and of in-window choices, painted from the theme's roles.

ActionButton(theme, "Recall", icon="volume-2", key="F3")                    an outlined button with its key's cap
ActionButton(theme, "Call next", key="F2", kind=Kind.PRIMARY, large=True)   the primary action
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QEnterEvent, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.qt.look import icons
from core.qt.look.palette import Role
from core.qt.look.plain_text import PlainButton
from core.qt.look.theme import Radius, Size, Theme, space
from core.qt.look.widgets import rounded


class Kind(Enum):
    """Emphasis of a button."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    QUIET = "quiet"
    DANGER = "danger"


@dataclass(frozen=True)
class Guard:
    """What a button shows while it is off for a moment.

    Attributes:
        left: the part of the time that is left, from 1 to 0, as a bar along the lower edge.
        words, aside: texts of a large button: what happened, and what comes then ("Call next\\nin a moment").
    """

    left: float
    words: str = ""
    aside: str = ""


class ActionButton(PlainButton):
    """A button with an icon, a text and the cap of its keyboard shortcut.

    Signals: those of QAbstractButton. The accessible name is the text; the accessible description names the key.
    """

    def __init__(
        self,
        theme: Theme,
        text: str,
        icon: str | None = None,
        key: str | None = None,
        kind: Kind = Kind.SECONDARY,
        large: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._icon_name, self._key, self._kind, self._large = theme, icon, key, kind, large
        self._hovered = False
        self._guard: Guard | None = None
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        if key:
            self.setAccessibleDescription(f"Key {key}")
        theme.changed.connect(self._renew)

    def set_kind(self, kind: Kind) -> None:
        """Changes the emphasis."""
        self._kind = kind
        self.update()

    def set_icon_name(self, name: str | None) -> None:
        """Changes the icon; None removes it."""
        self._icon_name = name
        self._renew()

    def show_guard(self, guard: Guard | None) -> None:
        """Shows that the button is off for a moment, or with None that it is a button again."""
        if guard != self._guard:
            self._guard = guard
            self.setAccessibleName(
                f"{guard.words}. {guard.aside}".replace("\n", " ") if guard and guard.words else ""
            )
            self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self._theme.font(self._size(), self._weight()))
        width = metrics.horizontalAdvance(self.text()) + 2 * self._margin()
        width += self._icon_side() + space(1) if self._icon_name else 0
        width += self._cap_width() + space(1.5) if self._key else 0
        return QSize(round(width) + 1, round(metrics.height()) + (space(7) if self._large else space(4)))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hovered = True
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = False
        self.update()
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        radius = min(float(Radius.MEDIUM if self._large else Radius.SMALL), area.height() / 2)
        rounded(painter, area, radius, self._fill(), self._edge())
        if self._guard is not None:
            self._paint_guard(painter, area, radius, self._guard)
        if self._guard is not None and self._guard.words:
            self._paint_news(painter, area, self._guard)
        else:
            self._paint_words(painter, area)
        if self.hasFocus():
            ring = self._words() if self._kind is Kind.PRIMARY else self._theme.colour("focus")
            rounded(painter, area.adjusted(4, 4, -4, -4), radius - 4, edge=QPen(ring, 2))

    def _paint_words(self, painter: QPainter, area: QRectF) -> None:
        inner = area.adjusted(self._margin(), 0, -self._margin(), 0)
        if self._key:
            self._paint_cap(painter, inner)
            inner.setRight(inner.right() - self._cap_width() - space(1))
        if self._icon_name:
            side = self._icon_side()
            top = area.center().y() - side / 2
            icons.draw(painter, self._icon_name, self._words().name(), QRectF(inner.left(), top, side, side))
            inner.setLeft(inner.left() + side + space(1))
        painter.setFont(self._theme.font(self._size(), self._weight()))
        painter.setPen(self._words())
        across = Qt.AlignmentFlag.AlignLeft if self._key or self._icon_name else Qt.AlignmentFlag.AlignHCenter
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | across, self.text())

    def _paint_guard(self, painter: QPainter, area: QRectF, radius: float, guard: Guard) -> None:
        height = 6.0 if self._large else 4.0
        width = area.width() * guard.left
        left = area.right() - width if self.isRightToLeft() else area.left()
        inside = QPainterPath()
        inside.addRoundedRect(area, radius, radius)
        painter.save()
        painter.setClipPath(inside)
        bar = QRectF(left, area.bottom() - height, width, height)
        painter.fillRect(bar, self._theme.colour("action" if self._large else "touch_border"))
        painter.restore()

    def _paint_news(self, painter: QPainter, area: QRectF, guard: Guard) -> None:
        inner = area.adjusted(self._margin(), 0, -self._margin(), 0)
        side = self._icon_side()
        picture = QRectF(inner.left(), inner.center().y() - side / 2, side, side)
        icons.draw(painter, "check", self._theme.palette.action, picture)
        inner.setLeft(picture.right() + space(1.5))
        painter.setPen(self._theme.colour("on_soft"))
        painter.setFont(self._theme.font(self._size(), self._weight(), tabular=True))
        middle = Qt.AlignmentFlag.AlignVCenter
        taken = QFontMetricsF(painter.font()).horizontalAdvance(guard.words)
        painter.drawText(inner, middle | Qt.AlignmentFlag.AlignLeft, guard.words)
        painter.setFont(self._theme.font(Size.BASE, 500))
        needed = max(map(QFontMetricsF(painter.font()).horizontalAdvance, guard.aside.split("\n")))
        if taken + needed + space(1) <= inner.width():
            painter.drawText(inner, middle | Qt.AlignmentFlag.AlignRight, guard.aside)

    def _paint_cap(self, painter: QPainter, inner: QRectF) -> None:
        height = 26.0
        width = self._cap_width()
        cap = QRectF(inner.right() - width, inner.center().y() - height / 2, width, height)
        rounded(painter, cap, Radius.TINY, edge=QPen(self._words(), 1.2))
        painter.setFont(self._theme.font(Size.SECONDARY, 600))
        painter.setPen(self._words())
        painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, self._key or "")

    def _fill(self) -> QColor | None:
        theme, pressed = self._theme, self.isDown()
        if self._guard is not None and self._guard.words:
            return theme.colour("action_soft")
        if not self.isEnabled():
            return theme.colour("neutral_soft") if self._kind is Kind.PRIMARY else None
        if self._kind is Kind.PRIMARY:
            return theme.colour("action_pressed" if pressed or self._hovered else "action")
        if pressed or self._hovered:
            return theme.colour("danger_soft" if self._kind is Kind.DANGER else "action_soft")
        return None if self._kind is Kind.QUIET else theme.colour("surface")

    def _edge(self) -> QPen | None:
        if self._guard is not None and self._guard.words:
            return QPen(self._theme.colour("action"), 2)
        if self._kind in (Kind.PRIMARY, Kind.QUIET):
            return None
        role: Role = "danger" if self._kind is Kind.DANGER else "touch_border"
        return QPen(self._theme.colour(role if self.isEnabled() else "separator"), 1.5)

    def _words(self) -> QColor:
        if self._guard is not None:
            return self._theme.colour("text_secondary")
        if not self.isEnabled():
            return self._theme.colour("on_soft" if self._kind is Kind.PRIMARY else "text_secondary", 0.62)
        if self._kind is Kind.PRIMARY:
            return self._theme.colour("on_action")
        return self._theme.colour("on_soft" if self._hovered or self.isDown() else "text")

    def _size(self) -> float:
        return Size.MAIN if self._large else Size.LARGE

    def _weight(self) -> int:
        return 700 if self._large else 600

    def _margin(self) -> int:
        return space(3) if self._large else space(2)

    def _icon_side(self) -> float:
        return 28.0 if self._large else 20.0

    def _cap_width(self) -> float:
        metrics = QFontMetricsF(self._theme.font(Size.SECONDARY, 600))
        return metrics.horizontalAdvance(self._key or "") + 18

    def _renew(self) -> None:
        self.updateGeometry()
        self.update()
