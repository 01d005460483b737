"""The tour's hands and eyes on ordinary widgets."""

from collections.abc import Iterator
from time import monotonic

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTabWidget, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from admin_app.demo_hands import (
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
from tests.conftest import Run


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QWidget]:
    made = QWidget()
    made.setWindowTitle("A window")
    column = QVBoxLayout(made)
    for child in (QLabel("<b>A012</b> is called"), QLineEdit("old"), QPushButton("Done"), QTabWidget()):
        column.addWidget(child)
    made.findChild(QLineEdit).setObjectName("name")
    qtbot.addWidget(made)
    made.show()
    yield made


def test_a_window_is_read_as_it_is_shown(window: QWidget) -> None:
    assert words_of(window).split("\n") == ["A012 is called", "old", "Done"]
    window.findChild(QPushButton).hide()
    assert "Done" not in words_of(window)
    window.hide()
    assert words_of(window) == ""


def test_a_password_is_not_read(window: QWidget) -> None:
    field = window.findChild(QLineEdit)
    field.setEchoMode(QLineEdit.EchoMode.Password)
    type_words(field, "secret")
    assert field.text() == "secret"
    assert "secret" not in words_of(window)


def test_a_touch_presses_and_typing_replaces(window: QWidget, run: Run) -> None:
    pressed: list[bool] = []
    window.findChild(QPushButton).clicked.connect(pressed.append)
    touch(run(usable(window, "Done")))
    type_words(widget(window, "name"), "new")
    assert pressed == [False]
    assert window.findChild(QLineEdit).text() == "new"


def test_a_key_goes_to_the_window_in_front(window: QWidget, run: Run) -> None:
    other = QWidget()
    other.show()
    other.activateWindow()
    window.findChild(QPushButton).setShortcut(Qt.Key.Key_F2)
    pressed: list[bool] = []
    window.findChild(QPushButton).clicked.connect(pressed.append)
    run(press(window, Qt.Key.Key_F2))
    assert pressed
    other.close()


def test_what_is_not_there_is_told_in_a_sentence(window: QWidget, run: Run) -> None:
    with pytest.raises(NotSeen, match="A window has no “Print”"):
        widget(window, "Print")
    window.findChild(QPushButton).setEnabled(False)
    with pytest.raises(NotSeen, match="to be touched .waited 0.1 s"):
        run(usable(window, "Done", 0.1))
    with pytest.raises(NotSeen, match="the sun is up"):
        run(wait_for("the sun is up", lambda: False, 0.05))


def test_each_window_is_timed_by_itself(run: Run) -> None:
    began = monotonic()
    looks = {"early": lambda: True, "late": lambda: monotonic() - began > 0.1}
    seen = run(time_each(looks, began, 2.0))
    assert seen["early"] < 0.1 < seen["late"] < 2.0
    with pytest.raises(NotSeen, match="never took longer than 0.05 s"):
        run(time_each(looks | {"never": lambda: False}, monotonic(), 0.05))
