"""A person in front of the windows: touches, types, and reads what they say. Real events on real widgets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QTabBar, QTableView, QWidget

POLL_SECONDS = 0.01
REACTION_SECONDS = 0.55
"""Nobody touches a page sooner after it has appeared; the kiosk takes that for the same touch."""
FOCUS_SECONDS = 1.0
Found = TypeVar("Found")


class NotSeen(Exception):
    """A window does not show what it should: the message is a sentence about it."""


async def wait_for(what: str, look: Callable[[], Found], seconds: float) -> Found:
    """The first true value of `look`. Raises NotSeen with `what` after so many seconds."""
    deadline = monotonic() + seconds
    while not (found := look()):
        if monotonic() > deadline:
            raise NotSeen(f"{what} (waited {seconds:g} s)")
        await asyncio.sleep(POLL_SECONDS)
    return found


async def time_each(
    looks: Mapping[str, Callable[[], object]], since: float, seconds: float
) -> dict[str, float]:
    """When each first looked true, in seconds after `since` (monotonic). Raises NotSeen naming those that never did."""
    seen: dict[str, float] = {}
    while missing := [name for name in looks if name not in seen]:
        now = monotonic() - since
        seen |= {name: now for name in missing if looks[name]()}
        if now > seconds and len(seen) < len(looks):
            raise NotSeen(f"{' and '.join(missing)} took longer than {seconds:g} s")
        await asyncio.sleep(POLL_SECONDS)
    return seen


def words_of(window: QWidget) -> str:
    """Everything that a window says now, as a screen reader would tell it: a line a widget, tab or row."""
    if not window.isVisible():
        return ""
    said: list[str] = []
    for widget in (window, *window.findChildren(QWidget)):
        if widget.isVisible():
            said += [widget.accessibleName(), _text(widget), *_rows(widget)]
    return "\n".join(line for line in said if line)


def widget(window: QWidget, name: str) -> QWidget:
    """The visible widget of that object name, else whose accessible name begins so, else which says just that.

    Raises NotSeen.
    """
    seen = [each for each in window.findChildren(QWidget) if each.isVisible()]
    found = [each for each in seen if each.objectName() == name]
    found += [each for each in seen if each.accessibleName().startswith(name)]
    found += [each for each in seen if _text(each) == name]
    if not found:
        raise NotSeen(f"{window.windowTitle()} has no “{name}”")
    return found[0]


async def usable(window: QWidget, name: str, seconds: float = 5.0) -> QWidget:
    """The same, once it can be touched."""

    def look() -> QWidget | None:
        try:
            found = widget(window, name)
        except NotSeen:
            return None
        return found if found.isEnabled() else None

    found = await wait_for(f"{window.windowTitle()} has no “{name}” to be touched", look, seconds)
    assert found is not None
    return found


def touch(target: QWidget) -> None:
    """Press and release in the middle."""
    QTest.mouseClick(
        target, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, target.rect().center()
    )


async def press(window: QWidget, key: Qt.Key) -> None:
    """A key, with the window in front."""
    await bring_to_front(window)
    QTest.keyClick(window, key)


def type_words(field: QWidget, words: str) -> None:
    """Characters one by one; in a line of text they replace what was there."""
    field.setFocus()
    if isinstance(field, QLineEdit):
        field.selectAll()
    QTest.keyClicks(field, words)


async def bring_to_front(window: QWidget) -> None:
    """Keys go to the window in front. Where the desktop doesn't let us choose it, Qt is told so directly."""
    if window.isActiveWindow():
        return
    window.activateWindow()
    try:
        await wait_for("", window.isActiveWindow, FOCUS_SECONDS)
    except NotSeen:
        QApplication.setActiveWindow(window)


async def sign_in(console: QWidget, name: str, password: str) -> None:
    """Types a name and a password into the console and presses Enter."""
    type_words(await usable(console, "user_name"), name)
    field = widget(console, "password")
    type_words(field, password)
    QTest.keyClick(field, Qt.Key.Key_Return)


def _text(each: QWidget) -> str:
    """What a label, a button, a notice or a field says; a password is not told."""
    if isinstance(each, QLineEdit):
        return each.displayText()
    text = getattr(each, "text", "")
    found = text() if callable(text) else text
    return re.sub(r"<[^>]+>", "", found) if isinstance(found, str) else ""


def _rows(each: QWidget) -> list[str]:
    if isinstance(each, QTabBar):
        return [each.tabText(place) for place in range(each.count())]
    if not isinstance(each, QTableView):
        return []
    model = each.model()
    return [
        " ".join(str(model.index(row, column).data() or "") for column in range(model.columnCount()))
        for row in range(model.rowCount())
    ]
