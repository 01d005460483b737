"""Labels, buttons and tooltips show their text as typed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.qt.look.buttons import ActionButton
from core.qt.look.elided_label import ElidedLabel
from core.qt.look.plain_text import set_tooltip
from core.qt.look.theme import Theme, ThemeMode
from core.qt.look.widgets import text_label

TYPED = ["Room <b>12</b>", '<img src="x.png">Amal', "a &amp; b", "1 < 2 > 0", "Ear & nose"]


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme(ThemeMode.LIGHT, reduce_motion=True)


def as_read(tooltip: str) -> str:
    """The words that a person reads in a tooltip."""
    if not GuiQt.mightBeRichText(tooltip):
        return tooltip
    document = QTextDocument()
    document.setHtml(tooltip)
    return document.toPlainText()


@pytest.mark.parametrize("typed", TYPED)
def test_a_tooltip_is_read_as_typed(qtbot: QtBot, typed: str) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    set_tooltip(widget, typed)
    assert as_read(widget.toolTip()) == typed


@pytest.mark.parametrize("typed", TYPED)
def test_an_elided_name_is_whole_in_its_tooltip(qtbot: QtBot, theme: Theme, typed: str) -> None:
    label = ElidedLabel(theme)
    qtbot.addWidget(label)
    label.setText(typed)
    label.resize(20, 20)
    label.grab()
    assert as_read(label.toolTip()) == typed


@pytest.mark.parametrize("typed", TYPED)
def test_an_emphasised_part_changes_no_character(qtbot: QtBot, theme: Theme, typed: str) -> None:
    label = text_label(theme)
    qtbot.addWidget(label)
    label.emphasise(f"Next is A001: {typed}", "A001")
    document = QTextDocument()
    document.setHtml(label.text())
    assert document.toPlainText() == label.typed() == f"Next is A001: {typed}"
    label.setText(typed)
    assert (label.textFormat(), label.text()) == (Qt.TextFormat.PlainText, typed)


def test_a_button_gets_no_key_of_its_name(qtbot: QtBot, theme: Theme) -> None:
    button = ActionButton(theme, "Ear &nose")
    qtbot.addWidget(button)
    assert (button.text(), button.shortcut().isEmpty()) == ("Ear &nose", True)
