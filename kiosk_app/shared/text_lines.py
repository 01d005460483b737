"""Text in lines: broken between words, with the line height that the drawings have."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter


def wrap(metrics: QFontMetricsF, text: str, room: float, most: int = 2) -> list[str]:
    """`text` in at most `most` lines of `room` logical pixels, broken between words, elided at the end.

    A line break in the text is kept when the lines fit, else it is a space like any other.
    """
    kept = text.split("\n")
    if len(kept) > 1 and all(metrics.horizontalAdvance(line) <= room for line in kept):
        return kept
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and (metrics.horizontalAdvance(joined) <= room or len(lines) == most):
            lines[-1] = joined
        else:
            lines.append(word)
    return [metrics.elidedText(line, Qt.TextElideMode.ElideRight, room) for line in lines] or [""]


def fits(metrics: QFontMetricsF, text: str, room: float, most: int = 2) -> bool:
    """Whether `wrap` would show all of it."""
    return all(not line.endswith("…") for line in wrap(metrics, text, room, most))


def draw_lines(
    painter: QPainter, font: QFont, lines: list[str], left: float, top: float, height: float
) -> float:
    """Draw lines of `height` logical pixels from `top` on; returns where they end. Colour is the painter's pen."""
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    rise = (height - metrics.capHeight()) / 2 + metrics.capHeight()
    for index, line in enumerate(lines):
        painter.drawText(QPointF(left, top + index * height + rise), line)
    return top + len(lines) * height
