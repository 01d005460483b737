"""The band at the foot of every page. It holds the help sentence or controls such as Done, and never a service's card.

A second tap on the place of a card meets something that does nothing.
"""

from __future__ import annotations

from PySide6.QtCore import QRect

from kiosk_app.shared.physical_scale import TARGET_MM, PhysicalScale

BAND_MM, LEAST_MM, AIR_MM = 32.0, TARGET_MM + 9.0, 3.0
COLUMN = 0.36
"""Part of a wide window's width that holds heading and controls when the cards stand beside them."""


def action_band(scale: PhysicalScale) -> QRect:
    """Returns the band in a window with this scale, over the whole width."""
    height = max(scale.mm(LEAST_MM), round(min(scale.mm(BAND_MM), scale.height * 0.12)))
    return QRect(0, scale.height - height, scale.width, height)


def bar_height(scale: PhysicalScale) -> int:
    """Returns the height of the bar at the window's lower edge that shows the time left, in logical pixels."""
    return max(4, round(min(scale.px(14), scale.mm(4))))


def controls_area(scale: PhysicalScale, left: int, width: int) -> QRect:
    """Returns the place of controls in the band, from `left` on, over the bar."""
    band, air = action_band(scale), scale.mm(AIR_MM)
    top = band.top() + air // 2
    return QRect(left, top, width, scale.height - bar_height(scale) - air - top)
