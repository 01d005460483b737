"""The bases of every widget that shows text: they show it as it was typed.

Qt guesses: a label or tooltip whose text looks like HTML is drawn as HTML. A counter called "Room <b>12</b>" would lose
its signs, and a patient's name could load a picture. A button makes a key of the letter behind "&". No other module makes
a QLabel or derives from QAbstractButton, or calls setToolTip (`tests/test_architecture.py`).
"""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget


class PlainLabel(QLabel):
    """A label that shows its text as typed."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


class EmphasisLabel(PlainLabel):
    """A label that shows its text as typed, and can show a part of it in bold: the only one that makes HTML."""

    def setText(self, text: str) -> None:  # noqa: N802 - Qt's name
        self._typed = text
        self.setTextFormat(Qt.TextFormat.PlainText)
        super().setText(text)

    def emphasise(self, text: str, strong: str) -> None:
        """Shows `text` with the first occurrence of `strong` in bold."""
        self._typed = text
        before, found, after = text.partition(strong) if strong else (text, "", "")
        self.setTextFormat(Qt.TextFormat.RichText)
        super().setText(f"{html.escape(before)}<b>{html.escape(found)}</b>{html.escape(after)}")

    def typed(self) -> str:
        """Returns the text as it is read, without HTML."""
        return self._typed


class PlainButton(QAbstractButton):
    """A button whose text has no hidden key: "Ear & nose" is not pressed by Alt."""

    def setText(self, text: str) -> None:  # noqa: N802 - Qt's name
        super().setText(text)
        self.setShortcut(QKeySequence())


def set_tooltip(widget: QWidget, text: str) -> None:
    """Sets a tooltip that shows `text` as typed. A tooltip has no text format: text like HTML is escaped into HTML."""
    widget.setToolTip(f"<span>{html.escape(text)}</span>" if GuiQt.mightBeRichText(text) else text)
