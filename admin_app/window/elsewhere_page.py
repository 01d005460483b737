"""The page after sign-in for a person who is signed in already: where, and whether to go on here."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from admin_app import console_words
from admin_app.counter.counter_desk import CounterDesk
from core.qt.look.buttons import ActionButton, Kind
from core.qt.look.theme import Size, Theme, space
from core.qt.look.widgets import Card, text_label
from core.wording import time_zone

CARD_WIDTH = 520
TITLE = "You are signed in already"
ADVICE = (
    "Two consoles of one person can call and complete the same patients. Sign out there if you don't need it."
)


class ElsewherePage(QWidget):
    """Tells where the person is signed in already. Go on here keeps both; Sign out here ends the new sign-in.

    No button has the keyboard at first: a second Enter at sign-in must not choose.
    """

    def __init__(self, theme: Theme, desk: CounterDesk) -> None:
        super().__init__()
        self._desk = desk
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.places = text_label(theme, "", Size.LARGE, 600, tabular=True)
        self.go_on = ActionButton(theme, "Go on here", kind=Kind.PRIMARY)
        self.go_on.setObjectName("go_on_here")
        self.leave_here = ActionButton(theme, "Sign out here")
        self.leave_here.setObjectName("sign_out_here")
        self.go_on.clicked.connect(desk.go_on_here)
        self.leave_here.clicked.connect(desk.sign_out)
        self._lay_out(theme)

    def enter(self) -> None:
        """Called when the page appears: takes the keyboard from the page before."""
        self.setFocus()

    def leave(self) -> None:
        """Called when another page appears; there is nothing to clear."""

    def draw(self) -> None:
        """Shows where the person is signed in."""
        bridge = self._desk.bridge
        zone = time_zone(bridge.hello.site.time_zone if bridge.hello else None)
        words = console_words.elsewhere_words(self._desk.state.elsewhere, bridge.counters, zone)
        self.places.setText(words)
        self.setAccessibleName(f"{TITLE}: {words}")

    def _lay_out(self, theme: Theme) -> None:
        card = Card(theme)
        card.setFixedWidth(CARD_WIDTH)
        column = QVBoxLayout(card)
        column.setContentsMargins(space(5), space(5), space(5), space(5))
        column.setSpacing(space(1.5))
        advice = text_label(theme, ADVICE, role="text_secondary")
        advice.setWordWrap(True)
        column.addWidget(text_label(theme, TITLE, Size.MAIN, 700))
        column.addWidget(self.places)
        column.addWidget(advice)
        column.addSpacing(space(2))
        buttons = QHBoxLayout()
        buttons.setSpacing(space(1.25))
        buttons.addWidget(self.leave_here)
        buttons.addWidget(self.go_on)
        column.addLayout(buttons)
        card.centre_in(self)
