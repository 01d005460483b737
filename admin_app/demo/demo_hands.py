"""Simulated input for the windows, and reading of their texts. Sends real Qt events to real widgets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QTabBar, QTableView, QWidget

from core.qt.look.plain_text import EmphasisLabel

POLL_SECONDS = 0.01
REACTION_SECONDS = 0.55
"""Pause before a touch on a new page: the kiosk ignores an earlier one as a bounce (`kiosk_flow.GUARD`)."""
FOCUS_SECONDS = 1.0
Found = TypeVar("Found")


class NotSeen(Exception):
    """A window does not show the expected text or widget; the message says which."""


async def wait_for(what: str, look: Callable[[], Found], seconds: float) -> Found:
    """Polls `look` and returns its first true value. Raises NotSeen with `what` after `seconds`."""
    deadline = monotonic() + seconds
    while not (found := look()):
        if monotonic() > deadline:
            raise NotSeen(f"{what} (waited {seconds:g} s)")
        await asyncio.sleep(POLL_SECONDS)
    return found


async def time_each(
    looks: Mapping[str, Callable[[], object]], since: float, seconds: float
) -> dict[str, float]:
    """Returns when each look first was true, in seconds after `since` (monotonic). Raises NotSeen after `seconds`."""
    seen: dict[str, float] = {}
    while missing := [name for name in looks if name not in seen]:
        now = monotonic() - since
        seen |= {name: now for name in missing if looks[name]()}
        if now > seconds and len(seen) < len(looks):
            raise NotSeen(f"{' and '.join(missing)} took longer than {seconds:g} s")
        await asyncio.sleep(POLL_SECONDS)
    return seen


def words_of(window: QWidget) -> str:
    """Returns the texts and accessible names of a window's visible widgets, one line for each widget, tab or row."""
    if not window.isVisible():
        return ""
    texts: list[str] = []
    for widget in (window, *window.findChildren(QWidget)):
        if widget.isVisible():
            texts += [widget.accessibleName(), _text(widget), *_rows(widget)]
    return "\n".join(line for line in texts if line)


def widget(window: QWidget, name: str) -> QWidget:
    """Returns a visible widget by its object name, else by the start of its accessible name, else by its exact text.

    Raises NotSeen if none matches.
    """
    seen = [child for child in window.findChildren(QWidget) if child.isVisible()]
    found = [child for child in seen if child.objectName() == name]
    found += [child for child in seen if child.accessibleName().startswith(name)]
    found += [child for child in seen if _text(child) == name]
    if not found:
        raise NotSeen(f"{window.windowTitle()} has no “{name}”")
    return found[0]


async def usable(window: QWidget, name: str, seconds: float = 30.0) -> QWidget:
    """Waits until `widget(window, name)` is found and enabled. Raises NotSeen after `seconds`."""

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
    """Clicks the middle of a widget."""
    QTest.mouseClick(
        target, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, target.rect().center()
    )


async def press(window: QWidget, key: Qt.Key) -> None:
    """Brings the window to the front and presses a key."""
    await bring_to_front(window)
    QTest.keyClick(window, key)


def type_words(field: QWidget, words: str) -> None:
    """Types the characters one by one; in a line edit they replace the text."""
    field.setFocus()
    if isinstance(field, QLineEdit):
        field.selectAll()
    QTest.keyClicks(field, words)


async def bring_to_front(window: QWidget) -> None:
    """Activates a window, because keys go to the active window.

    If the desktop does not activate it within `FOCUS_SECONDS`, sets it as Qt's active window.
    """
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


def _text(target: QWidget) -> str:
    """Returns the text of a label, button, notice or field, and dots for a password."""
    if isinstance(target, QLineEdit):
        return target.displayText()
    if isinstance(target, EmphasisLabel):
        return target.typed()
    text = getattr(target, "text", "")
    found = text() if callable(text) else text
    return found if isinstance(found, str) else ""


def _rows(target: QWidget) -> list[str]:
    if isinstance(target, QTabBar):
        return [target.tabText(place) for place in range(target.count())]
    if not isinstance(target, QTableView):
        return []
    model = target.model()
    return [
        " ".join(str(model.index(row, column).data() or "") for column in range(model.columnCount()))
        for row in range(model.rowCount())
    ]
