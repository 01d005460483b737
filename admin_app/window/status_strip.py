"""The strip at the bottom of the window: state of the connection, and the signed-in user."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from admin_app import console_words
from admin_app.counter.counter_desk import CounterDesk
from core.qt.look.plain_text import PlainLabel
from core.qt.look.theme import Theme, space
from core.qt.look.widgets import text_label
from core.wording import clock, time_zone

HEIGHT = 40
LATENCY_MILLISECONDS = 2000


class StatusStrip(QWidget):
    """Shows the connection on the left and the user on the right."""

    def __init__(self, theme: Theme, desk: CounterDesk) -> None:
        super().__init__()
        self._theme, self._desk = theme, desk
        self.setFixedHeight(HEIGHT)
        self._picture = PlainLabel()
        self._link = text_label(theme, role="text_secondary", size=14, tabular=True)
        self._link.setObjectName("connection")
        self._person = text_label(theme, role="text_secondary", size=14)
        self._person.setObjectName("person")
        row = QHBoxLayout(self)
        row.setContentsMargins(space(3.25), 0, space(3.25), 0)
        row.setSpacing(space(1))
        row.addWidget(self._picture)
        row.addWidget(self._link)
        row.addStretch(1)
        row.addWidget(self._person)
        self._latency_timer = QTimer(self, interval=LATENCY_MILLISECONDS)
        self._latency_timer.timeout.connect(self.draw)
        self._latency_timer.start()
        theme.changed.connect(self.draw)

    def draw(self) -> None:
        """Shows the present state of the connection and the user."""
        desk, bridge = self._desk.state, self._desk.bridge
        zone = time_zone(bridge.hello.site.time_zone if bridge.hello else None)
        since = clock(bridge.lost_since, zone) if bridge.lost_since else None
        words, icon, role = console_words.connection(desk, since, bridge.latency)
        self._link.setText(words)
        self._picture.setPixmap(self._theme.pixmap(icon, role, 18, self.devicePixelRatioF()))
        self._person.setText(f"Signed in as {desk.user}" if desk.user else "")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("surface"))
        painter.fillRect(0, 0, self.width(), 1, self._theme.colour("separator"))
