"""Layout of the wall in landscape and portrait, in fractions of the window's shorter side."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize

SHIFT_BY = 8
"""Most pixels by which the picture shifts in each direction against burn-in."""
LANDSCAPE_ROWS, PORTRAIT_ROWS = 4, 8


@dataclass(frozen=True)
class WallLayout:
    """Areas in logical pixels; `rows` is empty while text fills the wall, `next_bar` is empty when hidden."""

    header: QRect
    call: QRect
    rows: tuple[QRect, ...]
    next_bar: QRect


def wall_layout(size: QSize, shift: tuple[int, int], sentence: bool, bar: bool) -> WallLayout:
    """Returns the layout of a window of `size` logical pixels, moved by `shift`.

    `sentence`: text fills the wall in place of calls. `bar`: the bar with the next numbers is shown.
    """
    side = min(size.width(), size.height())
    portrait = size.height() > size.width()
    margin, gap = round(side * 0.052), round(side * (0.013 if portrait else 0.018))
    head, foot = round(side * (0.092 if portrait else 0.102)), round(side * (0.19 if portrait else 0.125))
    area = QRect(0, 0, size.width(), size.height()).translated(*shift)
    header = QRect(area.left() + margin, area.top() + SHIFT_BY, area.width() - 2 * margin, head)
    # SHIFT_BY larger than the window on three sides, so that a shifted picture has no gap at the edge.
    next_bar = area.adjusted(-SHIFT_BY, area.height() - foot, SHIFT_BY, SHIFT_BY) if bar else QRect()
    middle = area.adjusted(margin, head + SHIFT_BY, -margin, -(foot + margin // 2) if bar else -margin)
    if sentence:
        return WallLayout(header, middle, (), next_bar)
    call, rest = _stacked(middle, gap) if portrait else _beside(middle, gap)
    rows = _rows(rest, PORTRAIT_ROWS if portrait else LANDSCAPE_ROWS, gap)
    return WallLayout(header, call, rows, next_bar)


def _stacked(area: QRect, gap: int) -> tuple[QRect, QRect]:
    height = round(area.height() * 0.385)
    return QRect(area.topLeft(), QSize(area.width(), height)), area.adjusted(0, height + gap, 0, 0)


def _beside(area: QRect, gap: int) -> tuple[QRect, QRect]:
    width = round(area.width() * 0.607)
    return QRect(area.topLeft(), QSize(width, area.height())), area.adjusted(width + gap, 0, 0, 0)


def _rows(area: QRect, count: int, gap: int) -> tuple[QRect, ...]:
    height = (area.height() - gap * (count - 1)) / count
    tops = (round(area.top() + index * (height + gap)) for index in range(count))
    return tuple(QRect(area.left(), top, area.width(), round(height)) for top in tops)
