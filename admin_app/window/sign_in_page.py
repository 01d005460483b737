"""The sign-in page: user name, password, and the reason of a failed sign-in."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from admin_app import console_words
from admin_app.counter.counter_desk import CounterDesk
from core.errors import HubError, PasswordExpired
from core.qt.look.buttons import ActionButton, Kind
from core.qt.look.theme import Size, Theme, space
from core.qt.look.widgets import Card, Notice, text_label

CARD_WIDTH = 440


class SignInPage(QWidget):
    """The sign-in page. It clears the password field as soon as the request is made.

    Signals:
        signed_in(): the hub accepted the credentials.
    """

    signed_in = Signal()

    def __init__(self, theme: Theme, desk: CounterDesk) -> None:
        super().__init__()
        self._desk = desk
        self.name = QLineEdit()
        self.name.setObjectName("user_name")
        self.password = QLineEdit()
        self.password.setObjectName("password")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.new_password = QLineEdit()
        self.new_password.setObjectName("new_password")
        self.new_password.setEchoMode(QLineEdit.EchoMode.Password)
        self.new_password_row = QWidget()
        self.button = ActionButton(theme, "Sign in", kind=Kind.PRIMARY)
        self.button.setObjectName("sign_in")
        self.notice = Notice(theme)
        self._lay_out(theme)
        self.name.returnPressed.connect(self.password.setFocus)
        self.password.returnPressed.connect(self._sign_in)
        self.button.clicked.connect(self._sign_in)

    def enter(self) -> None:
        """Called when the page appears: focuses the first empty field."""
        self.password.clear()
        self.button.setEnabled(True)
        (self.password if self.name.text() else self.name).setFocus()

    def leave(self) -> None:
        """Called when another page appears: clears the password and the notice, and keeps the name."""
        self.password.clear()
        self._demand_new_password(False)
        self.notice.clear()

    def draw(self) -> None:
        """Does nothing: this page does not depend on the desk's state."""

    def _lay_out(self, theme: Theme) -> None:
        card = Card(theme)
        card.setFixedWidth(CARD_WIDTH)
        column = QVBoxLayout(card)
        column.setContentsMargins(space(5), space(5), space(5), space(5))
        column.setSpacing(space(1))
        column.addWidget(text_label(theme, "Good to see you", Size.MAIN, 700))
        column.addWidget(text_label(theme, "Sign in to call patients.", Size.BASE, role="text_secondary"))
        column.addSpacing(space(2))
        for words, field in (("User name", self.name), ("Password", self.password)):
            label = text_label(theme, words, Size.BASE, 600)
            label.setBuddy(field)
            field.setAccessibleName(words)
            column.addWidget(label)
            column.addWidget(field)
            column.addSpacing(space(1))
        column.addWidget(self._new_password_part(theme))
        column.addWidget(self.notice)
        column.addSpacing(space(1))
        column.addWidget(self.button)
        card.centre_in(self)

    def _new_password_part(self, theme: Theme) -> QWidget:
        """The field for a new password; shown when the hub demands one."""
        part = QVBoxLayout(self.new_password_row)
        part.setContentsMargins(0, 0, 0, space(1))
        part.setSpacing(space(1))
        label = text_label(theme, "New password", Size.BASE, 600)
        label.setBuddy(self.new_password)
        self.new_password.setAccessibleName("New password")
        self.new_password.returnPressed.connect(self._sign_in)
        part.addWidget(label)
        part.addWidget(self.new_password)
        self.new_password_row.hide()
        return self.new_password_row

    def _demand_new_password(self, demanded: bool) -> None:
        self.new_password.clear()
        self.new_password_row.setVisible(demanded)

    def _sign_in(self) -> None:
        name, password = self.name.text().strip(), self.password.text()
        if not self.button.isEnabled():
            return
        if not name or not password:
            self.notice.say("Type your user name and your password.", "neutral")
            (self.password if name else self.name).setFocus()
            return
        new_password = self.new_password.text() if self.new_password_row.isVisible() else None
        self.password.clear()
        self.new_password.clear()
        self.button.setEnabled(False)
        self.notice.say("Signing in…", "neutral")
        reply = self._desk.sign_in(name, password, new_password)
        reply.succeeded.connect(self._accepted)
        reply.failed.connect(self._refused)

    def _accepted(self, hello: object) -> None:
        self.button.setEnabled(True)
        self.notice.clear()
        self.signed_in.emit()

    def _refused(self, error: HubError) -> None:
        self.button.setEnabled(True)
        if error.reason == PasswordExpired.reason:
            self._demand_new_password(True)
        self.notice.say(console_words.sign_in_refusal(error.reason, error.message), "danger")
        self.password.setFocus()
