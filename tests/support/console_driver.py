"""A console on a real hub, driven like a person does: by keys, and by reading the window."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from admin_app.console_flow import ConsolePage
from admin_app.counter.counter_guard import GUARD_SECONDS
from admin_app.window.console_window import ConsoleWindow
from core.line.tickets import Priority, Ticket
from core.qt.hub_bridge import HubBridge
from core.qt.look.plain_text import EmphasisLabel
from core.qt.look.theme import Theme, ThemeMode
from core.wire.session import ConnectionState, DeviceCredentials
from tests.support.clinic import PASSWORD
from tests.support.hand_clock import HandClock
from tests.support.waiting import until


class Driver:
    """Operates a console's window and reads it. The guard's and the offer's time passes by `let_pass` alone."""

    def __init__(self, window: ConsoleWindow, clock: HandClock) -> None:
        self.window = window
        self._clock = clock

    def let_pass(self, seconds: float = GUARD_SECONDS) -> None:
        """Let time pass at the console, by default the guard's."""
        self._clock.now += seconds
        self.window.desk.follow_up.pass_time()

    def press(self, key: Qt.Key, on: QWidget | None = None) -> None:
        """Press a key, by default on the window."""
        QTest.keyClick(on if on is not None else self.window, key)

    def type_in(self, name: str, password: str) -> None:
        """Fill the sign-in page in, by keyboard alone."""
        page = self.window.sign_in_page
        page.name.clear()
        page.name.setFocus()
        QTest.keyClicks(page.name, name)
        self.press(Qt.Key.Key_Return, page.name)
        QTest.keyClicks(page.password, password)
        self.press(Qt.Key.Key_Return, page.password)

    async def sign_in(self, name: str = "staff") -> None:
        """Sign in and see the next page with its data."""
        self.type_in(name, PASSWORD)
        await until(lambda: self.window.page is not ConsolePage.SIGN_IN, what="signing in")
        await until(lambda: self.window.desk.bridge.counters, what="the counters")

    async def work_at(self, counter: str = "R1", name: str = "staff") -> None:
        """Sign in and choose a counter."""
        await self.sign_in(name)
        if self.window.page is ConsolePage.ELSEWHERE:
            self.window.elsewhere_page.go_on.click()
        self.window.counter_page.chosen.emit(counter)
        await until(lambda: self.idle() and self.state() == "Open", what="the counter to open")
        self.let_pass()

    def idle(self) -> bool:
        """Whether no reply is outstanding."""
        return self.window.desk.state.pending is None

    def state(self) -> str:
        """The word on the counter's pill."""
        return self.window.calls_page.calls.state.text()

    def number(self) -> str | None:
        """The number of the patient at the counter."""
        current = self.window.desk.state.current
        shown = self.label("current_number")
        return shown if current is not None and current.number == shown else None

    def label(self, name: str) -> str:
        """The text of a label."""
        found = self.window.findChild(EmphasisLabel, name)
        assert found is not None, name
        return found.typed()

    def notice(self) -> str:
        """The text under the buttons: what can be taken back, else the notice."""
        calls = self.window.calls_page.calls
        return calls.undo.sentence() or calls.notice.text()

    async def sees(self, number: str | None) -> None:
        """Wait until the patient with the number (None: no patient) is at the counter and no reply is outstanding."""
        await until(lambda: self.idle() and self.number() == number, what=f"{number} at the counter")


@asynccontextmanager
async def console(url: str, folder: Path) -> AsyncIterator[Driver]:
    """A console window on the hub at `url`; its settings are in `folder`."""
    QGuiApplication.setQuitOnLastWindowClosed(False)
    theme = Theme(ThemeMode.LIGHT, reduce_motion=True)
    bridge = HubBridge(url, client_name="inturn-admin")
    bridge.start()
    settings = QSettings(str(folder / "console.ini"), QSettings.Format.IniFormat)
    clock = HandClock()
    window = ConsoleWindow(theme, bridge, settings, clock)
    window.show()
    window.activateWindow()
    try:
        yield Driver(window, clock)
    finally:
        window.close()
        await bridge.aclose()
        window.deleteLater()


async def join(url: str, credentials: DeviceCredentials, *wanted: tuple[str, Priority]) -> list[Ticket]:
    """Patients join at a kiosk, one after the other."""
    bridge = HubBridge(url, credentials)
    bridge.start()
    tickets: list[Ticket] = []
    try:
        await until(lambda: bridge.state is ConnectionState.LIVE, what="the kiosk")
        for service, priority in wanted:
            bridge.join_queue(service, priority).succeeded.connect(tickets.append)
            count = len(tickets)
            await until(lambda count=count: len(tickets) > count, what="a ticket")  # type: ignore[misc]
    finally:
        await bridge.aclose()
    return tickets
