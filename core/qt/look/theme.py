"""The theme: colours by role, fonts, spacing and style. Windows and widgets get it through their constructors.

    theme = Theme()               follows the system: light, dark or high contrast; Theme(ThemeMode.LIGHT) is fixed
    theme.apply(app)              sets Fusion style, font, QPalette and style sheet, again after each change

Members (sizes in logical pixels):

    ===========================================  ========================================================
    theme.palette.<role>                         "#RRGGBB" by role: ground, surface, text, text_secondary,
                                                 touch_border, separator, action, … (`palette.Palette`)
    theme.colour(role, alpha=1.0)                the same as a QColor, for painters
    theme.font(size, weight=400, tabular=False)  QFont; `tabular=True` for numbers, tables and clocks
    theme.icon(name, role="text", size=24)       QIcon from resources/icons, greyed when disabled
    theme.pixmap(name, role, size, ratio)        the same as a QPixmap; `icons.draw` in a painter
    theme.changed                                signal: palette or text size changed, repaint
    theme.reduce_motion                          True: no animation
    theme.duration(ms)                           0 with reduced motion, else ms (at most 150)
    Size.SECONDARY BASE LARGE TITLE MAIN NUMBER  the console's type scale: 13, 15, 17, 20, 27, 84
    Radius.LARGE MEDIUM SMALL TINY               36, 20, 14, 8
    space(n)                                     n units of 8
    ===========================================  ========================================================

Widgets of both programs: `buttons.ActionButton`; `widgets.Pill`, `Card`, `Notice`, `Choice`, `text_label`,
`rounded`, `paint_pill`.
Standard widgets (fields, tables, tabs, menus, scroll bars) get their look from the style sheet of `apply`.
"""

from __future__ import annotations

import os
from enum import Enum, IntEnum
from functools import cache

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QStyle

import resources
from core.qt.look import icons
from core.qt.look.palette import DARK, HIGH_CONTRAST, LIGHT, Palette, Role
from core.qt.look.style_sheet import style_sheet

FAMILIES = ["Atkinson Hyperlegible Next", "Noto Sans Arabic", "Noto Sans SC", "Noto Sans", "DejaVu Sans"]
UNIT = 8


class ThemeMode(Enum):
    """The palette of all windows; SYSTEM follows the desktop's setting."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"
    HIGH_CONTRAST = "high-contrast"


class Size(IntEnum):
    """The console's type scale in logical pixels."""

    SECONDARY = 13
    BASE = 15
    LARGE = 17
    TITLE = 20
    MAIN = 27
    NUMBER = 84


class Radius(IntEnum):
    """Corner radii."""

    LARGE = 36
    MEDIUM = 20
    SMALL = 14
    TINY = 8


def space(units: float) -> int:
    """`units` times the spacing unit of 8 pixels."""
    return round(units * UNIT)


@cache
def load_fonts() -> tuple[str, ...]:
    """Loads the bundled fonts once a process; returns their families. Needs a QGuiApplication."""
    found: list[str] = []
    for file in sorted(resources.path("fonts").glob("*.ttf")):
        number = QFontDatabase.addApplicationFont(str(file))
        found += QFontDatabase.applicationFontFamilies(number)
    return tuple(dict.fromkeys(found))


class Theme(QObject):
    """The theme of a whole program.

    Attributes:
        palette: the current colours.
        text_scale: factor of every font size, 1.0 by default.
        reduce_motion: whether animations are off; from the platform, or INTURN_REDUCE_MOTION=1.
    Signals:
        changed(): the palette or the text size changed; widgets repaint.
    """

    changed = Signal()

    def __init__(self, mode: ThemeMode = ThemeMode.SYSTEM, reduce_motion: bool | None = None) -> None:
        super().__init__()
        load_fonts()
        self._mode = mode
        self.text_scale = 1.0
        self._reduce_motion = reduce_motion
        self._app: QApplication | None = None
        self.palette: Palette = self._choose()
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._follow_system)
        hints.accessibility().contrastPreferenceChanged.connect(self._follow_system)

    @property
    def mode(self) -> ThemeMode:
        return self._mode

    def set_mode(self, mode: ThemeMode) -> None:
        """Changes the palette; widgets repaint at once."""
        self._mode = mode
        self._follow_system()

    def set_text_scale(self, scale: float) -> None:
        """Sets the factor of every font size."""
        self.text_scale = scale
        self._renew()

    @property
    def reduce_motion(self) -> bool:
        if self._reduce_motion is None:
            self._reduce_motion = _system_reduces_motion()
        return self._reduce_motion

    def duration(self, milliseconds: int) -> int:
        """Duration of an animation: at most 150 ms, 0 with reduced motion."""
        return 0 if self.reduce_motion else min(milliseconds, 150)

    def colour(self, role: Role, alpha: float = 1.0) -> QColor:
        """Returns the colour of a role as a QColor; `alpha` from 0 to 1."""
        colour = QColor(self.palette.colour(role))
        colour.setAlphaF(alpha)
        return colour

    def font(self, size: float, weight: int = 400, tabular: bool = False) -> QFont:
        """Returns the typeface at `size` logical pixels; `weight` 400 to 800; `tabular`: one width for all digits."""
        found = QFont(FAMILIES)
        found.setPixelSize(max(1, round(size * self.text_scale)))
        found.setWeight(QFont.Weight(weight))
        if tabular:
            found.setFeature(QFont.Tag("tnum"), 1)
        return found

    def icon(self, name: str, role: Role = "text", size: int = 24) -> QIcon:
        """Returns an icon in the colour of a role, greyed when its button is disabled."""
        return icons.icon(name, self.palette.colour(role), size, self.palette.touch_border)

    def pixmap(self, name: str, role: Role = "text", size: int = 24, ratio: float = 1.0) -> QPixmap:
        """Returns the same as a pixmap for a screen of that device pixel ratio."""
        return icons.pixmap(name, self.palette.colour(role), size, ratio)

    def apply(self, app: QApplication) -> None:
        """Styles the application, now and after each change."""
        self._app = app
        app.setStyle("Fusion")
        self._style(app)

    def _style(self, app: QApplication) -> None:
        app.setFont(self.font(Size.BASE))
        app.setPalette(qt_palette(self.palette))
        app.setStyleSheet(style_sheet(self.palette, self.text_scale))

    def _follow_system(self) -> None:
        chosen = self._choose()
        if chosen is not self.palette:
            self.palette = chosen
            self._renew()

    def _renew(self) -> None:
        if self._app is not None:
            self._style(self._app)
        self.changed.emit()

    def _choose(self) -> Palette:
        fixed = {ThemeMode.LIGHT: LIGHT, ThemeMode.DARK: DARK, ThemeMode.HIGH_CONTRAST: HIGH_CONTRAST}
        if self._mode in fixed:
            return fixed[self._mode]
        hints = QGuiApplication.styleHints()
        if hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast:
            return HIGH_CONTRAST
        return DARK if hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT


def _system_reduces_motion() -> bool:
    if os.environ.get("INTURN_REDUCE_MOTION"):
        return os.environ["INTURN_REDUCE_MOTION"] != "0"
    return QApplication.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) == 0


def qt_palette(colours: Palette) -> QPalette:
    """Returns the roles as a QPalette, for widgets that Qt paints itself."""
    parts = QPalette.ColorRole
    made = QPalette()
    for part, role in {
        parts.Window: colours.ground,
        parts.WindowText: colours.text,
        parts.Base: colours.surface,
        parts.AlternateBase: colours.ground,
        parts.Text: colours.text,
        parts.PlaceholderText: colours.text_secondary,
        parts.Button: colours.surface,
        parts.ButtonText: colours.text,
        parts.ToolTipBase: colours.selected,
        parts.ToolTipText: colours.on_selected,
        parts.Highlight: colours.action,
        parts.HighlightedText: colours.on_action,
        parts.Link: colours.action,
        parts.Accent: colours.action,
    }.items():
        made.setColor(part, QColor(role))
    for part in (parts.Text, parts.WindowText, parts.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, part, QColor(colours.touch_border))
    return made
