"""The card of the counter's open ticket: number, patient name, service, wait, needs."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from admin_app import console_words
from core.line.tickets import Ticket
from core.qt.look.elided_label import ElidedLabel
from core.qt.look.palette import Tone
from core.qt.look.theme import Size, Theme, space
from core.qt.look.widgets import Card, Pill, text_label

HEIGHT, NUMBER_HEIGHT = 248, 92


class PatientCard(Card):
    """Shows the open ticket, or a hint without one. Both have the same height, so that no button moves."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._flags: list[tuple[str, Tone, str]] = []
        self._elapsed = text_label(theme, "", role="text_secondary", tabular=True)
        self._number = text_label(theme, "", Size.NUMBER, 700, tabular=True)
        self._number.setObjectName("current_number")
        self._number.setFixedHeight(NUMBER_HEIGHT)
        self._name = ElidedLabel(theme, Size.TITLE, 600)
        self._details = ElidedLabel(theme, role="text_secondary")
        self._pills = QHBoxLayout()
        self._pages = QStackedLayout(self)
        self._idle_hint = text_label(theme, "", role="text_secondary")
        self.setMinimumHeight(HEIGHT)
        self._pages.addWidget(self._idle_page())
        self._pages.addWidget(self._patient_page())

    def show_patient(self, ticket: Ticket | None, service: str, now: datetime, hint: str) -> None:
        """Shows a ticket and its service's name; with None shows `hint`."""
        self._pages.setCurrentIndex(0 if ticket is None else 1)
        if ticket is None:
            self._idle_hint.setText(hint)
            self.setAccessibleName(f"Nobody is with you. {hint}")
            return
        details = f"{service} · {console_words.waited_words(ticket, now)}"
        self._number.setText(ticket.number)
        self._name.setText(ticket.patient_name or "No name given")
        self._name.set_role("text" if ticket.patient_name else "text_secondary")
        self._details.setText(details)
        self._show_flags(console_words.flags(ticket))
        spoken = ", ".join(filter(None, (ticket.number, ticket.patient_name, details)))
        self.setAccessibleName(f"With you now: {spoken}")
        self.show_elapsed(ticket, now)

    def show_elapsed(self, ticket: Ticket, now: datetime) -> None:
        """Shows the time since the first call."""
        self._elapsed.setText(console_words.stop_watch(ticket, now))

    def _idle_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(space(3), space(3), space(3), space(3))
        column.setSpacing(space(0.5))
        column.addStretch(1)
        column.addWidget(text_label(self._theme, "Nobody is with you", Size.MAIN, 600))
        column.addWidget(self._idle_hint)
        column.addStretch(1)
        return page

    def _patient_page(self) -> QWidget:
        page = QWidget()
        head = QHBoxLayout()
        head.addWidget(text_label(self._theme, "With you now", role="text_secondary"))
        head.addStretch(1)
        head.addWidget(self._elapsed)
        column = QVBoxLayout(page)
        column.setContentsMargins(space(3), space(2.5), space(3), space(2.5))
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._number)
        column.addWidget(self._name)
        column.addSpacing(space(0.5))
        column.addWidget(self._details)
        column.addSpacing(space(1.5))
        column.addStretch(1)
        self._pills.setSpacing(space(1))
        self._pills.addStretch(1)
        column.addLayout(self._pills)
        return page

    def _show_flags(self, flags: list[tuple[str, Tone, str]]) -> None:
        if flags == self._flags:
            return
        self._flags = flags
        while self._pills.count() > 1:
            item = self._pills.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        for place, (words, tone, icon) in enumerate(flags):
            self._pills.insertWidget(place, Pill(self._theme, words, tone, icon))
