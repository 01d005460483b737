"""Form that issues a ticket for a patient who can't use the kiosk: a strip above the line, so that it hides no row."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from admin_app import console_words
from admin_app.counter.counter_desk import CounterDesk
from core.errors import HubError
from core.line.tickets import Priority, Ticket
from core.qt.look.buttons import ActionButton, Kind
from core.qt.look.theme import Radius, Theme, space
from core.qt.look.widgets import Choice, Notice, rounded, text_label
from core.wording import priority_name, service_name

PRIORITIES: tuple[Priority, ...] = ("high", "medium", "low")
LONGEST_NAME = 80
BUTTON_WIDTH = 112


class IssuePanel(QWidget):
    """Form with service, priority and an optional name. Enter issues the ticket, Escape closes the form."""

    def __init__(self, theme: Theme, desk: CounterDesk) -> None:
        super().__init__()
        self._theme, self._desk = theme, desk
        self.setObjectName("issue_panel")
        self.service, self.priority, self.name = Choice(theme), Choice(theme), QLineEdit()
        self.name.setMaxLength(LONGEST_NAME)
        self.button = ActionButton(theme, "Issue", kind=Kind.PRIMARY)
        self._close = ActionButton(theme, "Close", kind=Kind.QUIET)
        self.notice = Notice(theme)
        self._pending = False
        self._focus_before: QWidget | None = None
        for priority in PRIORITIES:
            self.priority.addItem(priority_name(priority), priority)
        self._lay_out()
        self.name.returnPressed.connect(self._issue)
        self.button.clicked.connect(self._issue)
        self._close.clicked.connect(self.toggle)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self.toggle)
        self.hide()

    def toggle(self) -> None:
        """Shows the form and focuses it, or hides it and restores the focus."""
        if self.isVisible():
            self.hide()
            if self._focus_before is not None:
                self._focus_before.setFocus()
            return
        self._focus_before = self.window().focusWidget()
        self.notice.clear()
        self.name.clear()
        self.priority.setCurrentIndex(PRIORITIES.index("medium"))
        self._fill_services()
        self.draw()
        self.show()
        self.service.setFocus()

    def draw(self) -> None:
        """Enables Issue if the hub is connected and a service is open."""
        live = self._desk.state.link == "live"
        self.button.setEnabled(live and not self._pending and self.service.count() > 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rounded(
            painter,
            QRectF(self.rect()).adjusted(0, 0, 0, -space(2)),
            Radius.SMALL,
            self._theme.colour("ground"),
        )

    def _lay_out(self) -> None:
        fields = QGridLayout()
        fields.setHorizontalSpacing(space(2))
        fields.setVerticalSpacing(space(0.5))
        for column, (words, field) in enumerate(
            (("Service", self.service), ("Priority", self.priority), ("Name, if you like", self.name))
        ):
            label = text_label(self._theme, words, weight=600)
            label.setBuddy(field)
            field.setAccessibleName(words)
            fields.addWidget(label, 0, column)
            fields.addWidget(field, 1, column)
            fields.setColumnStretch(column, (3, 2, 3)[column])
        actions = QHBoxLayout()
        actions.addWidget(self.notice, 1)
        actions.addStretch(0)
        for button in (self._close, self.button):
            button.setFixedWidth(BUTTON_WIDTH)
            actions.addWidget(button, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        column_of_all = QVBoxLayout(self)
        column_of_all.setContentsMargins(space(2), space(2), space(2), space(4))
        column_of_all.setSpacing(space(1.5))
        column_of_all.addLayout(fields)
        column_of_all.addLayout(actions)

    def _fill_services(self) -> None:
        counter = self._desk.state.counter
        preferred = counter.services[0] if counter and counter.services else None
        self.service.clear()
        for service in self._desk.bridge.services:
            if service.open:
                self.service.addItem(service_name(service), service.code)
        self.service.setCurrentIndex(max(0, self.service.findData(preferred)))

    def _issue(self) -> None:
        if not self.button.isEnabled():
            return
        self._pending = True
        self.draw()
        priority = cast(Priority, self.priority.currentData())
        reply = self._desk.bridge.join_queue(
            self.service.currentData(), priority, self.name.text().strip() or None
        )
        reply.succeeded.connect(self._issued)
        reply.failed.connect(self._refused)

    def _issued(self, ticket: Ticket) -> None:
        self._pending = False
        self.name.clear()
        self.notice.say(console_words.issued_words(ticket), "success")
        self._desk.offer_undo(f"{ticket.number} is issued.", f"{ticket.number} is cancelled.")
        self.draw()

    def _refused(self, error: HubError) -> None:
        self._pending = False
        self.notice.say(error.message, "attention")
        self.draw()
