"""How large things are on the real screen: millimetres and the drawings' pixels into this window's pixels.

The kiosk is drawn for a 21.5-inch Full HD screen, 1080 pixels wide. Everything on another screen has the same size in
millimetres, as long as the screen tells its size truthfully; many don't (a missing EDID shows as exactly 96 or 100 dots
an inch), so an untrustworthy size is replaced by a likely one, and a calibration in inches overrules both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, hypot

from PySide6.QtCore import QSize
from PySide6.QtGui import QScreen

DRAWN_WIDTH = 1080
DRAWN_PIXELS_PER_MM = 4.035
"""Of the drawings: 1080 pixels on 267.7 mm."""
CAPITAL = 0.668
"""Height of a capital letter of the bundled typeface, as a part of its size."""
BODY_CAPITAL_MM, LEAST_CAPITAL_MM = 7.3, 4.8
TARGET_MM, CARD_MM, GAP_MM, DRIFT_MM = 20.0, 25.0, 4.0, 3.0
WIDE_INCHES, NARROW_INCHES = 21.5, 15.0
"""Likely diagonals of a kiosk's screen: of 16:9 and of 5:4 or 4:3."""


@dataclass(frozen=True)
class PhysicalScale:
    """The one place where sizes come from.

    Attributes:
        pixels_per_mm: logical pixels of this window on a real millimetre.
        width, height: the window in logical pixels.
    """

    pixels_per_mm: float
    width: int
    height: int

    @property
    def portrait(self) -> bool:
        return self.height >= self.width

    @property
    def unit(self) -> float:
        """Pixels here for one pixel of the drawings; on screens far larger than the drawings' it grows with them."""
        grown = 0.9 * min(self.width, self.height) / DRAWN_WIDTH
        return max(self.pixels_per_mm / DRAWN_PIXELS_PER_MM, grown)

    def px(self, drawn: float) -> float:
        """A length of the drawings (pixels at 1080 wide)."""
        return drawn * self.unit

    def mm(self, millimetres: float) -> int:
        """A length on the real screen, rounded up to whole pixels."""
        return ceil(millimetres * self.pixels_per_mm)

    @property
    def body(self) -> float:
        """Font size of text to be read: capitals of at least 7.3 mm."""
        return max(self.px(46), BODY_CAPITAL_MM * self.pixels_per_mm / CAPITAL)

    @property
    def least(self) -> float:
        """No text is smaller: capitals of 4.8 mm."""
        return LEAST_CAPITAL_MM * self.pixels_per_mm / CAPITAL

    @property
    def margin(self) -> int:
        """Free space at the window's edges."""
        return round(min(self.px(64), 0.06 * min(self.width, self.height)))


def scale_for(screen: QScreen, window: QSize, windowed: bool, inches: float | None = None) -> PhysicalScale:
    """The scale of a window on a screen.

    A full-screen window takes the screen's real size, or the calibrated diagonal in `inches`; one on somebody's desktop
    is shown as a small picture of a whole kiosk.
    """
    width, height = window.width(), window.height()
    if windowed:
        return PhysicalScale(
            _pixels_per_mm(width, height, inches or likely_inches(width, height)), width, height
        )
    size, told = screen.size(), screen.physicalSize()
    density = screen_density(size.width(), size.height(), told.width(), told.height(), inches)
    return PhysicalScale(density, width, height)


def screen_density(
    width: int, height: int, width_mm: float, height_mm: float, inches: float | None = None
) -> float:
    """Logical pixels a millimetre of a screen of that many pixels that claims that many millimetres."""
    if inches is None and _credible(width, height, width_mm, height_mm):
        return hypot(width, height) / hypot(width_mm, height_mm)
    return _pixels_per_mm(width, height, inches or likely_inches(width, height))


def likely_inches(width: int, height: int) -> float:
    """The diagonal of a screen that doesn't tell it, from its shape."""
    return WIDE_INCHES if max(width, height) / max(1, min(width, height)) > 1.4 else NARROW_INCHES


def _pixels_per_mm(width: int, height: int, inches: float) -> float:
    return hypot(width, height) / (inches * 25.4)


def _credible(width: int, height: int, width_mm: float, height_mm: float) -> bool:
    if width_mm <= 0 or height_mm <= 0 or not 6 <= hypot(width_mm, height_mm) / 25.4 <= 120:
        return False
    shape, told_shape = width / height, width_mm / height_mm
    if not 0.87 <= told_shape / shape <= 1.15 and not 0.87 <= told_shape * shape <= 1.15:
        return False
    dots = (25.4 * width / width_mm, 25.4 * height / height_mm)
    return not any(all(abs(dot - guess) < 0.3 for dot in dots) for guess in (72, 96, 100))
