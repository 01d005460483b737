"""Touch buttons: they click on release, tolerate a finger that drifts 3 mm, and show a ring on keyboard focus."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core.qt.look import icons
from core.qt.look.palette import Role
from core.qt.look.plain_text import PlainButton
from core.qt.look.theme import Theme
from core.qt.look.widgets import rounded
from kiosk_app.shared.physical_scale import DRIFT_MM, PhysicalScale

_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class TouchButton(PlainButton):
    """Base of the kiosk's buttons; a subclass paints itself.

    It does not filter double touches: `kiosk_flow` does, because only the flow knows what the first touch did.
    """

    def __init__(self, theme: Theme, scale: PhysicalScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._scale = scale
        self._ring = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        theme.changed.connect(self.update)

    def set_scale(self, scale: PhysicalScale) -> None:
        """Applies the scale of a resized window."""
        self._scale = scale
        self.update()

    def hitButton(self, position: QPoint) -> bool:
        drift = self._scale.mm(DRIFT_MM) if self.isDown() else 0
        return self.rect().adjusted(-drift, -drift, drift, drift).contains(position)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() in _KEYBOARD
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ring = False
        super().focusOutEvent(event)
        self.update()

    def _paint_ring(self, painter: QPainter, area: QRectF, radius: float, colour: QColor) -> None:
        if self._ring:
            width = self._scale.px(6)
            inset = width * 1.6
            inner = area.adjusted(inset, inset, -inset, -inset)
            rounded(painter, inner, max(1.0, radius - inset), edge=QPen(colour, width))


class PillButton(TouchButton):
    """A large button with round ends and one or two words, such as Done or More services."""

    def __init__(
        self,
        theme: Theme,
        scale: PhysicalScale,
        text: str,
        words: Role,
        ground: Role,
        edge: Role | None = None,
        icon: str | None = None,
        icon_last: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, scale, parent)
        self._words, self._ground, self._edge = words, ground, edge
        self._icon_name, self._icon_last = icon, icon_last
        self.setText(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        radius = area.height() / 2
        edge = QPen(self._theme.colour(self._edge), self._scale.px(3)) if self._edge else None
        words = self._theme.colour(self._words, 1.0 if self.isEnabled() else 0.5)
        rounded(painter, area, radius, self._theme.colour(self._ground), edge)
        self._paint_words(painter, area, words)
        if self.isDown():
            rounded(painter, area, radius, self._theme.colour(self._words, 0.12))
        self._paint_ring(painter, area, radius, words)

    def _paint_words(self, painter: QPainter, area: QRectF, colour: QColor) -> None:
        size = min(self._scale.px(54), area.height() * 0.42)
        painter.setFont(self._theme.font(size, 700))
        painter.setPen(colour)
        if self._icon_name:
            self._paint_icon(painter, area, colour, size)
            shift = -size * 0.65 if self._icon_last else size * 0.65
            area = area.translated(shift, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.text())

    def _paint_icon(self, painter: QPainter, area: QRectF, colour: QColor, size: float) -> None:
        half = (painter.fontMetrics().horizontalAdvance(self.text()) + size * 1.3) / 2
        left = area.center().x() + (half - size if self._icon_last else -half)
        picture = QRectF(left, area.center().y() - size / 2, size, size)
        icons.draw(painter, self._icon_name or "", colour.name(), picture)
