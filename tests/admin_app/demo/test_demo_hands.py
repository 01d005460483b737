"""The tour's functions that read, touch and type, on ordinary widgets."""

from time import monotonic

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from admin_app.demo.demo_hands import (
    NotSeen,
    press,
    time_each,
    touch,
    type_words,
    usable,
    wait_for,
    widget,
    words_of,
)
from core.qt.look.plain_text import EmphasisLabel
from tests.support.waiting import WAIT_SECONDS

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


class Desk(QWidget):
    """A window with a label, a field and a button."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("A window")
        self.name, self.done = QLineEdit("old"), QPushButton("Done")
        self.name.setObjectName("name")
        self.presses = 0
        self.done.clicked.connect(self._count)
        column = QVBoxLayout(self)
        called = EmphasisLabel()
        called.emphasise("A012 is called", "A012")
        for child in (called, self.name, self.done):
            column.addWidget(child)

    def _count(self) -> None:
        self.presses += 1


@pytest.fixture
def window(qtbot: QtBot) -> Desk:
    made = Desk()
    qtbot.addWidget(made)
    made.show()
    return made


def test_a_window_is_read_as_it_is_shown(window: Desk) -> None:
    assert words_of(window).split("\n") == ["A012 is called", "old", "Done"]
    window.done.hide()
    assert "Done" not in words_of(window)
    window.hide()
    assert words_of(window) == ""


def test_a_password_is_not_read(window: Desk) -> None:
    window.name.setEchoMode(QLineEdit.EchoMode.Password)
    type_words(window.name, "secret")
    assert window.name.text() == "secret"
    assert "secret" not in words_of(window)


async def test_a_touch_presses_and_typing_replaces(window: Desk) -> None:
    touch(await usable(window, "Done"))
    type_words(widget(window, "name"), "new")
    assert window.presses == 1
    assert window.name.text() == "new"


async def test_a_key_goes_to_the_window_in_front(window: Desk) -> None:
    other = QWidget()
    other.show()
    other.activateWindow()
    window.done.setShortcut(Qt.Key.Key_F2)
    await press(window, Qt.Key.Key_F2)
    await wait_for("the button was pressed", lambda: window.presses == 1, WAIT_SECONDS)
    other.close()


async def test_a_missing_widget_or_condition_raises_a_sentence(window: Desk) -> None:
    with pytest.raises(NotSeen, match="A window has no “Print”"):
        widget(window, "Print")
    window.done.setEnabled(False)
    with pytest.raises(NotSeen, match="to be touched"):
        await usable(window, "Done", 0.1)
    with pytest.raises(NotSeen, match="the sun is up"):
        await wait_for("the sun is up", lambda: False, 0.05)


async def test_each_window_is_timed_by_itself() -> None:
    began, asked = monotonic(), iter([False, False, True])
    seen = await time_each({"early": lambda: True, "late": lambda: next(asked)}, began, WAIT_SECONDS)
    assert 0 <= seen["early"] < seen["late"]
    with pytest.raises(NotSeen, match="never took longer"):
        await time_each({"early": lambda: True, "never": lambda: False}, monotonic(), 0.05)
