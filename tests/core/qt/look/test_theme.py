"""Theme: each colour pair in use has its contrast, fonts and icons load, digits have equal widths."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.qt.look import icons
from core.qt.look.buttons import ActionButton, Kind
from core.qt.look.palette import DARK, HIGH_CONTRAST, LIGHT, USED_PAIRS, Pair, Palette, contrast
from core.qt.look.theme import FAMILIES, Theme, ThemeMode, load_fonts
from core.qt.look.widgets import Notice, Pill

PALETTES = {"light": LIGHT, "dark": DARK, "high contrast": HIGH_CONTRAST}


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme(ThemeMode.LIGHT, reduce_motion=True)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#FFFFFF", "#FFFFFF") == pytest.approx(1)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES.keys())
@pytest.mark.parametrize("pair", USED_PAIRS, ids=lambda pair: f"{pair.front} on {pair.back}")
def test_every_used_pair_keeps_its_contrast(palette: Palette, pair: Pair) -> None:
    assert contrast(palette.colour(pair.front), palette.colour(pair.back)) >= pair.minimum


def test_the_bundled_typeface_is_used_with_digits_of_equal_width(theme: Theme) -> None:
    assert FAMILIES[0] in load_fonts()
    font = theme.font(40, 700, tabular=True)
    assert QFontInfo(font).family() == FAMILIES[0]
    metrics = QFontMetricsF(font)
    assert metrics.horizontalAdvance("111") == metrics.horizontalAdvance("000")


def test_an_icon_takes_the_colour_of_its_role(theme: Theme) -> None:
    picture = icons.pixmap("check", "#005A56", 24, 2.0).toImage()
    pixels = [picture.pixelColor(x, y) for x in range(48) for y in range(48)]
    assert {pixel.name() for pixel in pixels if pixel.alpha() == 255} == {"#005a56"}
    assert theme.pixmap("check", ratio=2.0).devicePixelRatio() == 2.0


@pytest.mark.parametrize("name", ["", "no-such-icon", "../fonts/OFL", "a/b"])
def test_an_unknown_icon_is_drawn_as_the_neutral_icon(qapp: QApplication, name: str) -> None:
    assert not icons.exists(name)
    assert icons.pixmap(name, "#000000", 24).toImage() == icons.pixmap(icons.UNKNOWN, "#000000", 24).toImage()


def test_a_change_of_palette_reaches_widgets(qtbot: QtBot, theme: Theme) -> None:
    button = ActionButton(theme, "Call next", key="F2", kind=Kind.PRIMARY, large=True)
    qtbot.addWidget(button)
    before = button.grab().toImage().pixelColor(30, 8)
    with qtbot.waitSignal(theme.changed):
        theme.set_mode(ThemeMode.DARK)
    assert before == QColor(LIGHT.action)
    assert button.grab().toImage().pixelColor(30, 8) == QColor(DARK.action)


def test_larger_text_makes_larger_buttons(qtbot: QtBot, theme: Theme) -> None:
    button = ActionButton(theme, "Recall", icon="volume-2", key="F3")
    qtbot.addWidget(button)
    before = button.sizeHint()
    theme.set_text_scale(1.5)
    assert button.sizeHint().width() > before.width()
    assert button.sizeHint().height() > before.height()


def test_pill_and_notice_say_their_words_to_a_screen_reader(qtbot: QtBot, theme: Theme) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    pill = Pill(theme, "12 min", "attention", "clock-alert", parent=window)
    notice = Notice(theme, parent=window)
    pill.set("17 min", "danger", "triangle-alert")
    notice.say("The hub can't be reached.", "attention")
    assert pill.accessibleName() == "17 min"
    assert notice.accessibleName() == "The hub can't be reached."
    assert not notice.isHidden()
    notice.clear()
    assert notice.isHidden()


def test_reduced_motion_moves_nothing(qapp: QApplication) -> None:
    assert Theme(ThemeMode.LIGHT, reduce_motion=True).duration(120) == 0
    assert Theme(ThemeMode.LIGHT, reduce_motion=False).duration(400) == 150
