"""Converts millimetres, and pixels of the design drawings, into logical pixels of a window.

The drawings show a 21.5-inch Full HD screen in portrait, 1080 pixels wide. On any other screen an element has the same
size in millimetres. Many screens report a wrong physical size: a missing EDID shows as exactly 96 or 100 dots an inch.
`screen_density` replaces an implausible size by a likely diagonal. A diagonal given in inches overrides both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, hypot

from PySide6.QtCore import QSize
from PySide6.QtGui import QScreen

DRAWN_WIDTH = 1080
DRAWN_PIXELS_PER_MM = 4.035
"""Pixels a millimetre in the drawings: 1080 pixels on 267.7 mm."""
CAPITAL = 0.668
"""Cap height of the bundled typeface, as a fraction of its font size."""
BODY_CAPITAL_MM, LEAST_CAPITAL_MM = 7.3, 4.8
TARGET_MM, CARD_MM, GAP_MM, DRIFT_MM = 20.0, 25.0, 4.0, 3.0
WIDE_INCHES, NARROW_INCHES = 21.5, 15.0
"""Likely diagonals of a kiosk's screen: 16:9, and 5:4 or 4:3."""


@dataclass(frozen=True)
class PhysicalScale:
    """Sizes for one window: every widget of the kiosk derives its sizes from it.

    Attributes:
        pixels_per_mm: logical pixels of the window a millimetre of the screen.
        width, height: the window's size in logical pixels.
    """

    pixels_per_mm: float
    width: int
    height: int

    @property
    def portrait(self) -> bool:
        return self.height >= self.width

    @property
    def unit(self) -> float:
        """Logical pixels for one pixel of the drawings; on a screen far larger than theirs it grows with the window."""
        grown = 0.9 * min(self.width, self.height) / DRAWN_WIDTH
        return max(self.pixels_per_mm / DRAWN_PIXELS_PER_MM, grown)

    def px(self, drawn: float) -> float:
        """Converts a length of the drawings (pixels at a width of 1080) into logical pixels."""
        return drawn * self.unit

    def mm(self, millimetres: float) -> int:
        """Converts millimetres on the screen into logical pixels, rounded up."""
        return ceil(millimetres * self.pixels_per_mm)

    @property
    def body(self) -> float:
        """Font size of running text in logical pixels: capitals of at least 7.3 mm."""
        return max(self.px(46), BODY_CAPITAL_MM * self.pixels_per_mm / CAPITAL)

    @property
    def least(self) -> float:
        """Smallest font size in logical pixels: capitals of 4.8 mm."""
        return LEAST_CAPITAL_MM * self.pixels_per_mm / CAPITAL

    @property
    def margin(self) -> int:
        """Margin at the window's edges in logical pixels."""
        return round(min(self.px(64), 0.06 * min(self.width, self.height)))


def scale_for(screen: QScreen, window: QSize, windowed: bool, inches: float | None = None) -> PhysicalScale:
    """Returns the scale of a window on a screen.

    A full-screen window uses the screen's physical size, or the diagonal in `inches` if given. A window on a desktop is
    scaled as if it were the whole screen of a kiosk.
    """
    width, height = window.width(), window.height()
    if windowed:
        return PhysicalScale(
            _pixels_per_mm(width, height, inches or likely_inches(width, height)), width, height
        )
    size, reported = screen.size(), screen.physicalSize()
    density = screen_density(size.width(), size.height(), reported.width(), reported.height(), inches)
    return PhysicalScale(density, width, height)


def screen_density(
    width: int, height: int, width_mm: float, height_mm: float, inches: float | None = None
) -> float:
    """Returns the logical pixels a millimetre of a screen.

    `width` and `height` are its size in logical pixels, `width_mm` and `height_mm` the size that it reports. `inches` is
    its diagonal and overrides the reported size.
    """
    if inches is None and _credible(width, height, width_mm, height_mm):
        return hypot(width, height) / hypot(width_mm, height_mm)
    return _pixels_per_mm(width, height, inches or likely_inches(width, height))


def likely_inches(width: int, height: int) -> float:
    """Returns the likely diagonal, by its aspect ratio, of a screen that reports none."""
    return WIDE_INCHES if max(width, height) / max(1, min(width, height)) > 1.4 else NARROW_INCHES


def _pixels_per_mm(width: int, height: int, inches: float) -> float:
    return hypot(width, height) / (inches * 25.4)


def _credible(width: int, height: int, width_mm: float, height_mm: float) -> bool:
    if width_mm <= 0 or height_mm <= 0 or not 6 <= hypot(width_mm, height_mm) / 25.4 <= 120:
        return False
    shape, reported_shape = width / height, width_mm / height_mm
    if not 0.87 <= reported_shape / shape <= 1.15 and not 0.87 <= reported_shape * shape <= 1.15:
        return False
    dots = (25.4 * width / width_mm, 25.4 * height / height_mm)
    return not any(all(abs(dot - guess) < 0.3 for dot in dots) for guess in (72, 96, 100))
