"""Icons: Lucide's SVGs in any colour, sharp at any device pixel ratio, rendered once and cached."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

import resources

UNKNOWN = "clipboard-list"
"""Drawn for a name that InTurn does not ship: a service's icon is free text typed by an administrator."""


def exists(name: str) -> bool:
    """Whether an icon of that name ships with InTurn. Raises for no text."""
    if not name or not all(letter.isalnum() or letter == "-" for letter in name):
        return False
    try:
        resources.path("icons", f"{name}.svg")
    except FileNotFoundError:
        return False
    return True


@lru_cache(maxsize=512)
def pixmap(name: str, colour: str, size: int, ratio: float = 1.0, stroke: float = 2.0) -> QPixmap:
    """Returns the icon `name` in `colour` (#RRGGBB), `size` logical pixels square, for a device pixel ratio.

    `stroke` is the line width in the drawing's 24 units. An unknown name gives `UNKNOWN`.
    """
    side = max(1, round(size * ratio))
    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    _renderer(name, colour, stroke).render(painter, QRectF(0, 0, side, side))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def draw(painter: QPainter, name: str, colour: str, area: QRectF, stroke: float = 2.0) -> None:
    """Draws the icon into `area` (logical pixels) at the device pixel ratio of the painter."""
    ratio = painter.device().devicePixelRatioF()
    painter.drawPixmap(area.topLeft(), pixmap(name, colour, round(area.width()), ratio, stroke))


def icon(name: str, colour: str, size: int = 24, disabled: str | None = None) -> QIcon:
    """Returns the icon as a QIcon, for buttons and actions; `disabled` is the colour of its disabled state."""
    found = QIcon()
    for ratio in (1.0, 2.0):
        found.addPixmap(pixmap(name, colour, size, ratio))
        if disabled:
            found.addPixmap(pixmap(name, disabled, size, ratio), QIcon.Mode.Disabled)
    return found


def size_of(side: int) -> QSize:
    """Returns a square QSize, for `setIconSize`."""
    return QSize(side, side)


@lru_cache(maxsize=128)
def _renderer(name: str, colour: str, stroke: float) -> QSvgRenderer:
    file = resources.path("icons", f"{name if exists(name) else UNKNOWN}.svg")
    text = file.read_text(encoding="utf-8").replace("currentColor", colour)
    return QSvgRenderer(QByteArray(text.replace('stroke-width="2"', f'stroke-width="{stroke}"').encode()))
