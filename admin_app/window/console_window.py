"""The console's window: composes the rail, the pages and the status strip."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from admin_app import console_flow as flow
from admin_app.console_flow import ConsolePage
from admin_app.counter.call_panel import CallPanel
from admin_app.counter.counter_desk import CounterDesk
from admin_app.counter.counter_page import CounterPage
from admin_app.line.line_panel import LinePanel
from admin_app.window.elsewhere_page import ElsewherePage
from admin_app.window.rail import Rail
from admin_app.window.sign_in_page import SignInPage
from admin_app.window.status_strip import StatusStrip
from core.qt.hub_bridge import HubBridge
from core.qt.look.palette import Tone
from core.qt.look.plain_text import PlainButton
from core.qt.look.theme import Theme

SMALLEST = (1100, 700)
FIRST_SIZE = (1440, 900)
MINUTES_MOVE_MILLISECONDS = 10_000


class CallsPage(QWidget):
    """The page with the counter's panel on the left and the line on the right."""

    def __init__(self, theme: Theme, desk: CounterDesk, settings: QSettings) -> None:
        super().__init__()
        self.calls = CallPanel(theme, desk)
        self.line = LinePanel(theme, desk, settings)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.calls)
        row.addWidget(self.line, 1)

    def enter(self) -> None:
        self.calls.enter()

    def leave(self) -> None:
        self.calls.notice.clear()

    def draw(self) -> None:
        self.calls.draw()
        self.line.draw()


class ConsoleWindow(QMainWindow):
    """The staff console.

    Attributes:
        desk: state and actions of the user's counter. page: the page shown.
        sign_in_page, elsewhere_page, counter_page, calls_page: the pages.
    Signals:
        closed(): the window was closed; the program may end.
    """

    closed = Signal()

    def __init__(
        self,
        theme: Theme,
        bridge: HubBridge,
        settings: QSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._wants_counters = False
        self.desk = CounterDesk(bridge, settings, self, clock)
        self.page = ConsolePage.SIGN_IN
        self.rail = Rail(theme)
        self.sign_in_page = SignInPage(theme, self.desk)
        self.elsewhere_page = ElsewherePage(theme, self.desk)
        self.counter_page = CounterPage(theme, self.desk)
        self.calls_page = CallsPage(theme, self.desk, settings)
        self._pages: dict[ConsolePage, SignInPage | ElsewherePage | CounterPage | CallsPage] = {
            ConsolePage.SIGN_IN: self.sign_in_page,
            ConsolePage.ELSEWHERE: self.elsewhere_page,
            ConsolePage.COUNTER: self.counter_page,
            ConsolePage.CALLS: self.calls_page,
        }
        self._stack = QStackedWidget()
        self._strip = StatusStrip(theme, self.desk)
        self._lay_out()
        self._connect()
        self._clock = QTimer(self, interval=MINUTES_MOVE_MILLISECONDS)
        self._clock.timeout.connect(self.desk.refresh)
        self._clock.start()
        self._restore()
        self.desk.refresh()
        self._pages[self.page].enter()

    def draw(self) -> None:
        """Shows the page for the desk's state and redraws it."""
        page = flow.page_of(self.desk.state, self._wants_counters)
        if page is not self.page:
            self._switch_to(page)
        self._pages[page].draw()
        self.rail.show_page(calls=page is ConsolePage.CALLS, may_call=self.desk.state.counter is not None)
        self._strip.draw()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Lets Enter click the focused button; Qt itself does that for the space bar only."""
        button = self.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(button, PlainButton):
            # A key that is held down counts once.
            if not event.isAutoRepeat():
                button.click()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.sync()
        event.accept()
        self.closed.emit()

    def _lay_out(self) -> None:
        self.setWindowTitle("InTurn console")
        self.setMinimumSize(*SMALLEST)
        for page in self._pages.values():
            self._stack.addWidget(page)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self._stack, 1)
        column.addWidget(self._strip)
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(column, 1)
        self.setCentralWidget(middle)
        self.rail.hide()

    def _connect(self) -> None:
        self.desk.changed.connect(self.draw)
        self.desk.message_posted.connect(self._show_message)
        self.counter_page.chosen.connect(self._choose_counter)
        self.rail.calls.clicked.connect(lambda: self._set_wants_counters(False))
        self.rail.counters.clicked.connect(lambda: self._set_wants_counters(True))
        self.rail.sign_out.clicked.connect(self.desk.sign_out)

    def _restore(self) -> None:
        geometry = self._settings.value("geometry")
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(*FIRST_SIZE)

    def _switch_to(self, page: ConsolePage) -> None:
        self._pages[self.page].leave()
        self.page = page
        self.rail.setVisible(page not in (ConsolePage.SIGN_IN, ConsolePage.ELSEWHERE))
        self._stack.setCurrentWidget(self._pages[page])
        self._pages[page].enter()

    def _show_message(self, sentence: str, tone: Tone) -> None:
        if self.page is ConsolePage.CALLS:
            self.calls_page.calls.say(sentence, tone)
        elif self.page is ConsolePage.COUNTER:
            self.counter_page.notice.say(sentence, tone)
        else:
            self.sign_in_page.notice.say(sentence, tone)

    def _choose_counter(self, code: str) -> None:
        self._wants_counters = False
        self.desk.choose(code)

    def _set_wants_counters(self, wanted: bool) -> None:
        self._wants_counters = wanted
        self.draw()
