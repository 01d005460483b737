"""The wall monitor's window: computes a `Board` from the bridge at most every `FRAME` milliseconds and shows it."""

from __future__ import annotations

import random
from typing import Any

from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QCloseEvent, QPainter, QPaintEvent, QResizeEvent

from core import wording
from core.line.tickets import QueueEvent
from core.qt.hub_bridge import HubBridge
from core.qt.look.theme import Theme, ThemeMode
from kiosk_app.shared.public_window import PublicWindow
from kiosk_app.wall import monitor_board
from kiosk_app.wall.announcer import Announcement, Announcer
from kiosk_app.wall.monitor_board import Board, BoardMode
from kiosk_app.wall.wall_layout import PORTRAIT_ROWS, SHIFT_BY, wall_layout
from kiosk_app.wall.wall_panel import Panel
from kiosk_app.wall.wall_panels import CallRow, CurrentCallPanel, NextBar, StaleFrame, WallHeader

FRAME = 100
"""Milliseconds between two repaints: at any event rate the wall repaints at most 10 times a second."""
SHIFT_EVERY = 90_000
"""Milliseconds between two shifts of the picture against burn-in."""


class MonitorWindow(PublicWindow):
    """Window of one wall monitor.

    Attributes:
        board: the board shown now.
        announcer: plays the chimes; its `trouble` says why they are silent.
    """

    def __init__(
        self,
        bridge: HubBridge,
        windowed: bool = False,
        theme: Theme | None = None,
        announcer: Announcer | None = None,
    ) -> None:
        super().__init__("InTurn monitor", windowed)
        self._bridge = bridge
        self._theme = theme or Theme(ThemeMode.LIGHT)
        self._dimmed = False
        self._shift = (0, 0)
        self.board = Board()
        self.announcer = announcer or Announcer(parent=self)
        self._make_panels()
        self._make_timers()
        self._follow_bridge()
        self.refresh()

    def open(self) -> None:
        """Shows the window full screen, or 1280 by 720 pixels large on a desktop."""
        self.show_in_place(QSize(1280, 720))

    def _make_panels(self) -> None:
        self.header = WallHeader(self._theme, self.board, self)
        self.call_panel = CurrentCallPanel(self._theme, self.board, self)
        self.rows = [CallRow(self._theme, None, self) for _ in range(PORTRAIT_ROWS)]
        self.next_bar = NextBar(self._theme, self.board, self)
        self.frame = StaleFrame(self._theme, self)
        self._theme.changed.connect(self.update)

    def _make_timers(self) -> None:
        self._frame_timer = QTimer(self, interval=FRAME, singleShot=True)
        self._frame_timer.timeout.connect(self.refresh)
        self._pulse_timer = QTimer(self, interval=500)
        self._pulse_timer.timeout.connect(self.tick)
        self._pulse_timer.start()
        self._shift_timer = QTimer(self, interval=SHIFT_EVERY)
        self._shift_timer.timeout.connect(self._shift_picture)
        self._shift_timer.start()

    def _follow_bridge(self) -> None:
        bridge = self._bridge
        bridge.event_received.connect(self._on_event)
        for signal in (
            bridge.state_changed,
            bridge.hello_changed,
            bridge.line_changed,
            bridge.reset,
            bridge.services_changed,
            bridge.counters_changed,
        ):
            signal.connect(self._schedule_refresh)

    # --- events ---

    def _schedule_refresh(self, *_: object) -> None:
        if not self._frame_timer.isActive():
            self._frame_timer.start()

    def _on_event(self, event: QueueEvent) -> None:
        if event.kind in ("called", "recalled") and event.ticket is not None:
            counter = wording.counter_name(event.ticket.counter, self._bridge.counters)
            self.announcer.announce(Announcement(event.ticket.number, counter), self._bridge.now() - event.at)

    def tick(self) -> None:
        """Called twice a second: applies the time of day to the board and toggles the pulse of a new call."""
        self.refresh()
        call = self.board.current
        pulsing = call is not None and call.pulsing and not self._theme.reduce_motion
        self._dimmed = pulsing and not self._dimmed
        self.call_panel.set_dimmed(self._dimmed)

    def _shift_picture(self) -> None:
        self._shift = (random.randint(-SHIFT_BY, SHIFT_BY), random.randint(-SHIFT_BY, SHIFT_BY))
        self._arrange()

    # --- board ---

    def refresh(self) -> None:
        """Computes the present board and shows it."""
        self._frame_timer.stop()
        self._show(monitor_board.gather(self._bridge, self._bridge.now(), 1 + PORTRAIT_ROWS))

    def _show(self, board: Board) -> None:
        rearranged = (board.mode, bool(board.heading)) != (self.board.mode, bool(self.board.heading))
        self.board = board
        for panel in (self.header, self.call_panel, self.next_bar):
            panel.show_value(board)
        for row, call in zip(self.rows, (*board.recent, *[None] * PORTRAIT_ROWS), strict=False):
            row.show_value(call)
        if rearranged:
            self.frame.setVisible(board.mode is BoardMode.STALE)
            self._arrange()

    # --- layout ---

    def _arrange(self) -> None:
        panels: list[Panel[Any]] = [self.header, self.call_panel, self.next_bar, *self.rows]
        for panel in panels:
            panel.set_side(float(min(self.width(), self.height())))
        with_bar = self.board.mode in (BoardMode.LIVE, BoardMode.STALE)
        layout = wall_layout(self.size(), self._shift, bool(self.board.heading), with_bar)
        self.header.setGeometry(layout.header)
        self.call_panel.setGeometry(layout.call)
        self.next_bar.setVisible(with_bar)
        self.next_bar.setGeometry(layout.next_bar)
        for index, row in enumerate(self.rows):
            row.setVisible(index < len(layout.rows))
            if index < len(layout.rows):
                row.setGeometry(layout.rows[index])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._theme.colour("wall_ground"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.frame.setGeometry(self.rect())
        self._arrange()

    def closeEvent(self, event: QCloseEvent) -> None:
        for timer in (self._frame_timer, self._pulse_timer, self._shift_timer):
            timer.stop()
        self.announcer.stop()
        super().closeEvent(event)
