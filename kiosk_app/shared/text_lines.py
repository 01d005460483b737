"""Word wrap and multi-line text with the line height of the drawings."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter


def wrap(metrics: QFontMetricsF, text: str, room: float, most: int = 2) -> list[str]:
    """Wraps `text` between words into at most `most` lines, each at most `room` logical pixels wide, and elides the rest.

    A line break in `text` is kept if every line fits, else it counts as a space.
    """
    given = text.split("\n")
    if len(given) > 1 and all(metrics.horizontalAdvance(line) <= room for line in given):
        return given
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and (metrics.horizontalAdvance(joined) <= room or len(lines) == most):
            lines[-1] = joined
        else:
            lines.append(word)
    return [metrics.elidedText(line, Qt.TextElideMode.ElideRight, room) for line in lines] or [""]


def fits(metrics: QFontMetricsF, text: str, room: float, most: int = 2) -> bool:
    """Returns whether `wrap` shows `text` without eliding it."""
    return all(not line.endswith("…") for line in wrap(metrics, text, room, most))


def draw_lines(
    painter: QPainter, font: QFont, lines: list[str], left: float, top: float, height: float
) -> float:
    """Draws lines of `height` logical pixels downwards from `top` in the painter's pen; returns their lower edge."""
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    rise = (height - metrics.capHeight()) / 2 + metrics.capHeight()
    for index, line in enumerate(lines):
        painter.drawText(QPointF(left, top + index * height + rise), line)
    return top + len(lines) * height
