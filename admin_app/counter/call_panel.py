"""The left half of the calls page: the counter, its open ticket, and a button with a key for each action."""

from __future__ import annotations

import math

from PySide6.QtCore import QTimer, SignalInstance
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from admin_app import console_flow as flow
from admin_app import console_words
from admin_app.console_flow import Action
from admin_app.counter.counter_desk import CounterDesk
from admin_app.counter.counter_guard import GUARD_SECONDS
from admin_app.counter.patient_card import PatientCard
from admin_app.counter.undo_bar import KEY as UNDO_KEY
from admin_app.counter.undo_bar import UndoBar
from core.qt.look.buttons import ActionButton, Guard, Kind
from core.qt.look.palette import Tone
from core.qt.look.theme import Size, Theme, space
from core.qt.look.widgets import Notice, Pill, text_label
from core.wording import counter_name, service_name

WIDTH = 460
DIM_AFTER_MILLISECONDS = 150
"""Milliseconds that an answer may take before the buttons are dimmed."""
ROOMY_HEIGHT = 720
NEUTRAL_NOTICE_MILLISECONDS = 6000


class CallPanel(QWidget):
    """The counter's panel.

    Attributes:
        buttons: the button of each action; Pause and Open share a button.
        notice: why the last action failed, or what happened at the counter.
        undo: what the last action did, and the way to take it back.
    """

    def __init__(self, theme: Theme, desk: CounterDesk) -> None:
        super().__init__()
        self._theme, self._desk = theme, desk
        self.setFixedWidth(WIDTH)
        self._title = text_label(theme, "", Size.TITLE, 600)
        self.state = Pill(theme)
        self._card = PatientCard(theme)
        self._hint = text_label(theme, "", role="text_secondary")
        self._hint.setWordWrap(True)
        self._hint.setObjectName("hint")
        self.notice = Notice(theme)
        self.undo = UndoBar(theme)
        self.buttons = self._make_buttons()
        self._shows_open = False
        self._last_focused: ActionButton | None = None
        self._column = QVBoxLayout(self)
        self._lay_out()
        self._notice_timer = QTimer(self, singleShot=True, interval=NEUTRAL_NOTICE_MILLISECONDS)
        self._notice_timer.timeout.connect(self.notice.clear)
        self._slow_answer = False
        self._dim_timer = QTimer(self, singleShot=True, interval=DIM_AFTER_MILLISECONDS)
        self._dim_timer.timeout.connect(self._dim)
        self._clock_timer = QTimer(self, interval=1000)
        self._clock_timer.timeout.connect(self._tick)
        self._clock_timer.start()
        desk.follow_up.ticked.connect(self._draw_time)
        self._add_shortcut(UNDO_KEY).connect(self.undo.click)
        self.undo.clicked.connect(lambda: self._press(Action.UNDO))

    def enter(self) -> None:
        """Called when the page appears: focuses Call next."""
        self.buttons[Action.CALL_NEXT].setFocus()

    def say(self, sentence: str, tone: Tone) -> None:
        """Shows a message. A neutral message disappears after 6 s, any other stays until the next action."""
        self.notice.say(sentence, tone)
        self._notice_timer.stop()
        if tone == "neutral":
            self._notice_timer.start()

    def draw(self) -> None:
        """Shows the present state of the counter."""
        desk, now = self._desk.state, self._desk.now()
        if desk.counter is None:
            return
        self._title.setText(counter_name(desk.counter.code, self._desk.bridge.counters))
        self.state.set(*console_words.counter_pill(desk.counter))
        services = {service.code: service_name(service) for service in self._desk.bridge.services}
        code = desk.current.service if desk.current else ""
        self._card.show_patient(
            desk.current, services.get(code, code), now, console_words.idle_hint(desk, self._desk.waiting)
        )
        self._draw_buttons()
        offer = self._desk.follow_up.offered
        self.undo.show_offer(offer.done if offer else "")
        self._draw_time()
        first = self._desk.waiting[0].number if self._desk.waiting else ""
        self._hint.emphasise(console_words.hint(desk, self._desk.waiting, now), first)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # A low window shrinks the space between the widgets, never the widgets.
        air = space(2) if self.height() >= ROOMY_HEIGHT else space(1)
        self._column.setContentsMargins(space(3.25), air + 4, space(3), air + 4)
        self._column.setSpacing(air)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.colour("ground"))

    def _make_buttons(self) -> dict[Action, ActionButton]:
        theme = self._theme
        made = {
            Action.CALL_NEXT: ActionButton(theme, "Call next", key="F2", kind=Kind.PRIMARY, large=True),
            Action.RECALL: ActionButton(theme, "Recall", icon="volume-2", key="F3"),
            Action.COMPLETE: ActionButton(theme, "Complete", icon="check", key="F6"),
            Action.NO_SHOW: ActionButton(theme, "No-show", icon="user-x", key="F7"),
            Action.PAUSE: ActionButton(theme, "Pause", icon="pause", key="F10"),
        }
        for action, key in zip(made, ("F2", "F3", "F6", "F7", "F10"), strict=True):
            made[action].setObjectName(action.name.lower())
            made[action].clicked.connect(lambda _=False, action=action: self._press(action))
            self._add_shortcut(key).connect(made[action].click)
        return made

    def _add_shortcut(self, key: str) -> SignalInstance:
        """Adds a key that counts once however long it is held down; returns its signal."""
        shortcut = QShortcut(QKeySequence(key), self)
        shortcut.setAutoRepeat(False)
        return shortcut.activated

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.state)
        grid = QGridLayout()
        grid.setSpacing(space(1.25))
        for place, action in enumerate((Action.RECALL, Action.COMPLETE, Action.NO_SHOW, Action.PAUSE)):
            grid.addWidget(self.buttons[action], place // 2, place % 2)
        column = self._column
        column.addLayout(head)
        column.addWidget(self._card)
        column.addWidget(self.buttons[Action.CALL_NEXT])
        column.addLayout(grid)
        column.addWidget(self._hint)
        column.addStretch(1)
        column.addWidget(self.notice)
        column.addWidget(self.undo)

    def _press(self, action: Action) -> None:
        if action is Action.PAUSE and Action.OPEN in flow.allowed(self._desk.state):
            action = Action.OPEN
        if action in flow.allowed(self._desk.state):
            self.notice.clear()
            self._desk.perform(action)

    def _draw_buttons(self) -> None:
        desk = self._desk.state
        if desk.pending is not None and desk.link == "live" and not self._slow_answer:
            # Most answers arrive within two frames: dimming the buttons for those would flicker.
            # Buttons that stay enabled are harmless: the desk ignores an action while another is pending.
            if not self._dim_timer.isActive():
                self._dim_timer.start()
            return
        self._dim_timer.stop()
        self._slow_answer = self._slow_answer and desk.pending is not None
        self._allow(flow.allowed(desk))
        self.buttons[Action.CALL_NEXT].setText(console_words.primary_label(desk))
        closed = desk.counter is not None and desk.counter.state != "open"
        if closed != self._shows_open:
            self._shows_open = closed
            self.buttons[Action.PAUSE].setText("Open" if closed else "Pause")
            self.buttons[Action.PAUSE].set_icon_name("play" if closed else "pause")
            self.buttons[Action.PAUSE].set_kind(Kind.PRIMARY if closed else Kind.SECONDARY)

    def _draw_time(self) -> None:
        """Shortens the bars of the guard and of the offer; in steps of a second with reduced motion."""
        follow_up, desk = self._desk.follow_up, self._desk.state
        left = follow_up.guard_left
        if self._theme.reduce_motion:
            left = math.ceil(left * GUARD_SECONDS) / GUARD_SECONDS
        guarded = left > 0 and desk.link == "live" and not desk.stale and desk.counter is not None
        for action in flow.GUARDED:
            shown = guarded and (action is Action.CALL_NEXT or desk.current is not None)
            self.buttons[action].show_guard(Guard(left) if shown else None)
        if guarded and desk.counter is not None and desk.counter.state == "open":
            words = console_words.guard_words(desk)
            self.buttons[Action.CALL_NEXT].show_guard(Guard(left, words, "Call next\nin a moment"))
        self.undo.show_seconds(follow_up.undo_seconds)

    def _allow(self, allowed: frozenset[Action]) -> None:
        """Enables the allowed buttons. A focused button that is disabled gets the focus back when it is enabled."""
        focused = next((button for button in self.buttons.values() if button.hasFocus()), None)
        if focused is not None:
            self._last_focused = focused
        for action, button in self.buttons.items():
            button.setEnabled(action in allowed or (action is Action.PAUSE and Action.OPEN in allowed))
        if focused is not None and not focused.isEnabled():
            self.setFocus()
        elif self.hasFocus() and self._last_focused is not None and self._last_focused.isEnabled():
            self._last_focused.setFocus()

    def _dim(self) -> None:
        self._slow_answer = True
        self._draw_buttons()

    def _tick(self) -> None:
        current = self._desk.state.current
        if current is not None and self.isVisible():
            self._card.show_elapsed(current, self._desk.now())
