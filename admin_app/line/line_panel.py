"""The right half of the calls page: waiting tickets in calling order, missed tickets, figures."""

from __future__ import annotations

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from admin_app import console_flow as flow
from admin_app.counter.counter_desk import CounterDesk
from admin_app.line.issue_panel import IssuePanel
from admin_app.line.line_table import LineTable, MissedModel
from admin_app.line.line_tabs import LineTabs
from core.qt.look.buttons import ActionButton, Kind
from core.qt.look.plain_text import set_tooltip
from core.qt.look.theme import Size, Theme, space
from core.qt.look.widgets import Notice, TextLabel, text_label
from core.wording import clock, minutes, service_name, time_zone

WAITING_TAB, MISSED_TAB, EMPTY = 0, 1, 2
FIGURES = {"waiting": "waiting", "longest": "longest wait", "counters": "counters open"}
NARROWEST = 540


class LinePanel(QWidget):
    """The lists of the counter's services.

    Attributes:
        table: the waiting tickets.
        issue: the form that issues a ticket, hidden until Issue a ticket is pressed.
        lost: the notice that the hub is unreachable.
    """

    def __init__(self, theme: Theme, desk: CounterDesk, settings: QSettings) -> None:
        super().__init__()
        self._theme, self._desk = theme, desk
        self.setMinimumWidth(NARROWEST)
        self._missed = MissedModel()
        self.table = LineTable(theme, desk.line, "Waiting", settings)
        self._tabs = LineTabs(theme, ("Waiting", "Missed"))
        self._tabs.currentChanged.connect(self.draw)
        self.issue = IssuePanel(theme, desk)
        self._issue_button = ActionButton(theme, "Issue a ticket", icon="ticket-plus", kind=Kind.QUIET)
        self._issue_button.setObjectName("issue_ticket")
        set_tooltip(self._issue_button, "For a patient who can't use the kiosk (Ctrl+N)")
        self._issue_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the focus unchanged
        self._issue_button.clicked.connect(self.issue.toggle)
        QShortcut(QKeySequence("Ctrl+N"), self).activated.connect(self.issue.toggle)
        self.lost = Notice(theme)
        self._figures = {name: text_label(theme, "", 24, 700, tabular=True) for name in FIGURES}
        self._empty = text_label(theme, "", Size.TITLE, role="text_secondary")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lists = QStackedWidget()
        for page in (self.table, LineTable(theme, self._missed, "Missed", settings), self._empty):
            self._lists.addWidget(page)
        self._lay_out()

    def draw(self) -> None:
        """Shows the present state of the lines."""
        desk, chosen = self._desk, self._tabs.currentIndex()
        names = {service.code: service_name(service) for service in desk.bridge.services}
        self._missed.show_tickets(desk.missed, names)
        self._tabs.show_counts(desk.waiting_count(), len(desk.missed))
        empty = not (desk.missed if chosen == MISSED_TAB else desk.waiting)
        self._empty.setText("Nobody was missed today" if chosen == MISSED_TAB else "Nobody is waiting")
        self._lists.setCurrentIndex(EMPTY if empty else chosen)
        self._draw_figures()
        self._draw_lost()
        self.issue.draw()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("surface"))
        painter.fillRect(0, 0, 1, self.height(), self._theme.colour("separator"))
        top = self._tabs.geometry().bottom()
        painter.fillRect(1, top, self.width(), 1, self._theme.colour("separator"))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(space(2), 0, space(2), 0)
        head.addWidget(self._tabs, 1)
        head.addWidget(self._issue_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._issue_button.setSizePolicy(self.lost.sizePolicy())
        figures = QHBoxLayout()
        figures.setContentsMargins(space(3), space(2.5), space(3), space(2.5))
        figures.setSpacing(space(5))
        for name, words in FIGURES.items():
            figures.addLayout(self._figure(self._figures[name], words))
        figures.addStretch(1)
        lost = QVBoxLayout()
        lost.setContentsMargins(space(3), 0, space(3), 0)
        self._lost_place = QWidget()
        around = QVBoxLayout(self._lost_place)
        around.setContentsMargins(0, 0, 0, space(2))
        around.addWidget(self.lost)
        lost.addWidget(self._lost_place)
        lost.addWidget(self.issue)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addSpacing(1)
        column.addLayout(figures)
        column.addLayout(lost)
        column.addWidget(self._lists, 1)

    def _figure(self, value: TextLabel, words: str) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(value)
        column.addWidget(text_label(self._theme, words, role="text_secondary"))
        return column

    def _draw_figures(self) -> None:
        found = flow.figures(self._desk.waiting, self._desk.bridge.counters, self._desk.now())
        self._figures["waiting"].setText(str(self._desk.waiting_count()))
        self._figures["longest"].setText("–" if found.longest is None else minutes(found.longest))
        self._figures["counters"].setText(f"{found.counters_open} of {found.counters}")

    def _draw_lost(self) -> None:
        bridge = self._desk.bridge
        if self._desk.state.link != "lost":
            self._lost_place.hide()
            return
        self._lost_place.show()
        zone = time_zone(bridge.hello.site.time_zone if bridge.hello else None)
        since = f" since {clock(bridge.lost_since, zone)}" if bridge.lost_since else ""
        self.lost.say(
            f"The hub can't be reached{since}. This is the line as it was then; it will be right again by itself.",
            "attention",
        )
