"""The kiosk's window: feeds events into `kiosk_flow`, sends its ticket requests, shows its pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import tzinfo
from functools import partial

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from core import wording
from core.errors import HubError, UntrustedHub
from core.line.tickets import Ticket
from core.qt.hub_bridge import HubBridge
from core.qt.look.theme import Theme, ThemeMode
from kiosk_app.kiosk import kiosk_flow as flow
from kiosk_app.kiosk.kiosk_flow import KioskPage, Screen
from kiosk_app.kiosk.kiosk_words import card_words, ticket_words
from kiosk_app.kiosk.message_page import JoiningPage, OfflinePage
from kiosk_app.kiosk.ticket_page import TicketPage
from kiosk_app.kiosk.welcome_page import WelcomePage
from kiosk_app.shared.physical_scale import PhysicalScale, scale_for
from kiosk_app.shared.public_window import PublicWindow

TICK = 100
"""Milliseconds between checks of the flow's timeouts."""
HESITATION = 300
"""Milliseconds before the joining page appears: an earlier answer goes straight to the ticket, without a flicker."""
REFRESH = 50
"""Changes of the lines within this many milliseconds are drawn together."""


class KioskWindow(PublicWindow):
    """Window of one kiosk.

    Attributes:
        screen_shown: the flow's present `Screen`.
        welcome, joining, offline, ticket: the pages.
    """

    def __init__(
        self,
        bridge: HubBridge,
        scale: PhysicalScale | None = None,
        windowed: bool = False,
        theme: Theme | None = None,
        inches: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`scale` fixes all sizes, None derives them from the screen; `inches` overrides the screen's diagonal."""
        super().__init__("InTurn kiosk", windowed)
        self._bridge, self._inches, self._clock = bridge, inches, clock
        self._fixed_scale = scale
        self._theme = theme or Theme(ThemeMode.LIGHT)
        self.screen_shown = flow.start(clock())
        self._make_pages(scale or PhysicalScale(4.0, 1080, 1920))
        self._make_timers()
        self._follow_bridge()
        self.refresh()
        self._connection_changed()

    def open(self) -> None:
        """Shows the window full screen, or 540 by 960 pixels large on a desktop."""
        self.show_in_place(QSize(540, 960))

    def _make_pages(self, scale: PhysicalScale) -> None:
        theme = self._theme
        self.welcome = WelcomePage(theme, scale)
        self.joining = JoiningPage(theme, scale)
        self.offline = OfflinePage(theme, scale)
        self.ticket = TicketPage(theme, scale)
        self._stack = QStackedLayout(self)
        for page in (self.joining, self.welcome, self.ticket, self.offline):
            page.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
            self._stack.addWidget(page)
        self.welcome.chosen.connect(self._choose)
        self.welcome.sheet_wanted.connect(lambda sheet: self._step(flow.sheet_turned, sheet))
        self.ticket.done.connect(lambda: self._step(flow.done))
        self.welcome.installEventFilter(self)

    def _make_timers(self) -> None:
        self._tick_timer = QTimer(self, interval=TICK)
        self._tick_timer.timeout.connect(self.pass_time)
        self._tick_timer.start()
        self._refresh_timer = QTimer(self, interval=REFRESH, singleShot=True)
        self._refresh_timer.timeout.connect(self.refresh)
        self._hesitation_timer = QTimer(self, interval=HESITATION, singleShot=True)
        self._hesitation_timer.timeout.connect(lambda: self._show(self.screen_shown))

    def _follow_bridge(self) -> None:
        bridge = self._bridge
        bridge.state_changed.connect(self._connection_changed)
        bridge.stale_changed.connect(self._connection_changed)
        for signal in (bridge.hello_changed, bridge.services_changed, bridge.line_changed, bridge.reset):
            signal.connect(self._schedule_refresh)

    # --- events ---

    def _choose(self, service: str) -> None:
        before = self.screen_shown.request
        self._step(flow.touched_service, service)
        request = self.screen_shown.request
        if request is None or request is before:
            return
        reply = self._bridge.join_queue(request.service)
        reply.succeeded.connect(lambda ticket, number=request.number: self._answered(number, ticket))
        reply.failed.connect(lambda error, number=request.number: self._refused(number, error))

    def _answered(self, number: int, ticket: Ticket) -> None:
        if flow.unclaimed(self.screen_shown, number, self._clock()):
            self._bridge.cancel(ticket.id)
        self._step(flow.answered, number, ticket)

    def _refused(self, number: int, error: HubError) -> None:
        self._step(flow.refused, number, wording.refusal(error.reason, error.message))

    def _connection_changed(self, *_: object) -> None:
        self.refresh()
        self._step(partial(flow.connection, stale=self._bridge.stale), self._bridge.state)

    def pass_time(self) -> None:
        """Applies elapsed timeouts and updates clock and countdown."""
        self._step(flow.time_passed)
        if self.screen_shown.page is KioskPage.TICKET:
            self._show_ticket_time()
        self._show_time()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress):
            self._step(flow.touched_elsewhere)
        return super().eventFilter(watched, event)

    def _step(self, move: Callable[..., Screen], *values: object) -> None:
        before, after = self.screen_shown, move(self.screen_shown, *values, self._clock())
        if after == before:
            return
        self.screen_shown = after
        if after.page is KioskPage.JOINING and before.page is KioskPage.WELCOME:
            self._hesitation_timer.start()
            return
        self._show(after)

    # --- pages ---

    def _show(self, screen: Screen) -> None:
        self._hesitation_timer.stop()
        self.welcome.show_sheet(screen.sheet)
        self.welcome.show_notice(screen.notice)
        page = self._page(screen)
        if self._stack.currentWidget() is not page:
            self._stack.setCurrentWidget(page)
            self._focus(page)

    def _page(self, screen: Screen) -> QWidget:
        if screen.page is KioskPage.WELCOME:
            return self.welcome
        if screen.page is KioskPage.OFFLINE:
            self.offline.show_reason(screen.request is not None, self._for_staff())
            return self.offline
        if screen.page is KioskPage.TICKET and screen.ticket is not None:
            self.ticket.say(ticket_words(screen.ticket, self._bridge.services, self._zone()))
            self._show_ticket_time()
            return self.ticket
        self.joining.show_wait(screen.page is KioskPage.STARTING, screen.slow)
        return self.joining

    def _show_ticket_time(self) -> None:
        now = self._clock()
        self.ticket.show_time(
            flow.remaining(self.screen_shown, now), flow.may_be_done(self.screen_shown, now)
        )

    def _for_staff(self) -> str:
        """Returns why reconnecting can't help: the hub rejects the kiosk, or the kiosk rejects the hub's certificate."""
        trouble = self._bridge.trouble
        if self._bridge.refusal is None and isinstance(trouble, UntrustedHub):
            return trouble.message
        return self._bridge.refusal.message if self._bridge.refusal is not None else ""

    def _focus(self, page: QWidget) -> None:
        """Sets where Tab continues from. The focus ring stays hidden until a key moves the focus."""
        page.setFocus(Qt.FocusReason.OtherFocusReason)

    def _schedule_refresh(self, *_: object) -> None:
        if not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def refresh(self) -> None:
        """Shows the services and the time as they are now."""
        now = self._bridge.now()
        self.welcome.show_services(
            [card_words(service, self._zone(), now) for service in self._bridge.services]
        )
        self._show_time()

    def _show_time(self) -> None:
        hello = self._bridge.hello
        clinic = hello.site.name if hello else ""
        time_of_day = wording.clock(self._bridge.now(), self._zone()) if hello else ""
        for page in (self.welcome, self.joining, self.offline):
            page.header.say(clinic, time_of_day)

    def _zone(self) -> tzinfo:
        hello = self._bridge.hello
        return wording.time_zone(hello.site.time_zone if hello else None)

    # --- Qt's window events ---

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._rescale()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._rescale()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._tick_timer.stop()
        super().closeEvent(event)

    def _rescale(self) -> None:
        scale = self._fixed_scale or scale_for(self.screen(), self.size(), self.windowed, self._inches)
        for page in (self.welcome, self.joining, self.offline, self.ticket):
            page.set_scale(scale)
