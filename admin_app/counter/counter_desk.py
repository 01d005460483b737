"""State and actions of the user's counter: stands between the bridge to the hub and the panels.

The panels read the desk's attributes after each `changed`, and call the desk when a button is pressed. One action runs at
a time: `state.pending` is set until the hub answers, and the desk ignores further actions meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from PySide6.QtCore import QObject, QSettings, QTimer, Signal

from admin_app import console_flow as flow
from admin_app import console_words
from admin_app.console_flow import Action, DeskState
from admin_app.counter.counter_watch import CounterWatch
from core.errors import HubError, Refusal
from core.line.tickets import CounterSummary, Ticket
from core.qt.hub_bridge import ConnectionState, HubBridge, HubReply
from core.qt.look.palette import Tone
from core.qt.queue_model import LineModel
from core.roles import SUPERVISOR
from core.wording import counter_name

TABLE_FRAME_MILLISECONDS = 50
FRAME_MILLISECONDS = 100
"""Shortest time between two redraws after changes of lines or services; the table uses TABLE_FRAME_MILLISECONDS."""
SIGN_OUT_MILLISECONDS = 2000
"""Longest time that signing out waits for the hub to release the counter."""


class CounterDesk(QObject):
    """State and actions of the user's counter.

    Attributes:
        bridge: the connection to the hub.
        state: decides the page and the allowed actions (`console_flow`).
        line: table model of the tickets that wait for this counter.
        waiting: the same tickets as a list, in calling order.
    Signals:
        changed(): any attribute, the services or the counters may have changed.
        message_posted(str, str): a sentence to show and its tone (`core.qt.look.palette.Tone`).
    """

    changed = Signal()
    message_posted = Signal(str, str)

    def __init__(self, bridge: HubBridge, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self._hub_ahead = timedelta()
        self.state = DeskState()
        self.line = LineModel(bridge, parent=self, now=self.now, frame_milliseconds=TABLE_FRAME_MILLISECONDS)
        self.waiting: list[Ticket] = []
        self._settings = settings
        self._counter: str | None = None
        self._watch = CounterWatch(bridge, self)
        # Counter of the last answer. It counts until the hub pushes the counters, which may arrive after the answer.
        self._answered_counter: CounterSummary | None = None
        self._remembered_tried = False
        self._refresh_timer = QTimer(self, singleShot=True, interval=FRAME_MILLISECONDS)
        self._refresh_timer.timeout.connect(self.refresh)
        self._sign_out_timer = QTimer(self, singleShot=True, interval=SIGN_OUT_MILLISECONDS)
        self._sign_out_timer.timeout.connect(bridge.sign_out)
        bridge.state_changed.connect(self._on_state)
        bridge.stale_changed.connect(self.refresh)
        bridge.hello_changed.connect(self._on_hello)
        bridge.services_changed.connect(self._schedule_refresh)
        bridge.counters_changed.connect(self._on_counters)
        bridge.line_changed.connect(self._schedule_refresh)
        # The table may apply a change later than the frame in which the bridge signals it.
        for signal in (self.line.rowsInserted, self.line.rowsRemoved, self.line.dataChanged):
            signal.connect(self._schedule_refresh)

    def now(self) -> datetime:
        """Returns the hub's time (UTC), so that waits are right even if this computer's clock is wrong."""
        return datetime.now(UTC) + self._hub_ahead

    def sign_in(self, name: str, password: str) -> HubReply:
        """Sends the credentials to the hub; the desk does not store the password."""
        self._remembered_tried = False
        return self.bridge.sign_in(name, password)

    def sign_out(self) -> None:
        """Closes the counter, unless a ticket is open there, and ends the session."""
        counter = self.state.counter
        self._counter = None
        if self.state.link == "live" and counter and self._may_close(counter):
            self.bridge.close_counter(counter.code).finished.connect(self._finish_sign_out)
            self._sign_out_timer.start()
        else:
            self.bridge.sign_out()

    def choose(self, code: str) -> None:
        """Chooses a counter, also for the next sign-in. Closes the previous counter and opens a free one."""
        before = self.state.counter
        if before and before.code != code and self._may_close(before):
            self.bridge.close_counter(before.code)
        self._counter = code
        self._settings.setValue("counter", code)
        self.refresh()
        if (
            self.state.counter is not None
            and flow.must_open(self.state.counter)
            and self.state.pending is None
        ):
            self._send(Action.OPEN, self.bridge.open_counter(code), self._counter_changed)

    def perform(self, action: Action) -> None:
        """Sends an action to the hub; does nothing if the action is not allowed now."""
        counter, current = self.state.counter, self.state.current
        if action not in flow.allowed(self.state) or counter is None:
            return
        bridge, code = self.bridge, counter.code
        if action is Action.CALL_NEXT:
            self._send(action, bridge.call_next_patient(code, current.id if current else None), self._called)
        elif action is Action.OPEN:
            self._send(action, bridge.open_counter(code), self._counter_changed)
        elif action is Action.PAUSE:
            self._send(action, bridge.pause_counter(code), self._counter_changed)
        elif current is not None:
            request = {
                Action.RECALL: bridge.recall,
                Action.COMPLETE: bridge.complete,
                Action.NO_SHOW: bridge.no_show,
            }[action]
            self._send(action, request(current.id), self._ticket_changed)

    def refresh(self) -> None:
        """Recomputes all attributes from the bridge and emits `changed`."""
        self._refresh_timer.stop()
        counter = self._chosen_counter()
        self._watch.follow(counter)
        hello = self.bridge.hello
        self.state = DeskState(
            link=self.bridge.state.value,
            stale=self.bridge.stale,
            user=hello.name if hello and self.bridge.state is not ConnectionState.REFUSED else None,
            supervises=bool(hello and hello.role in SUPERVISOR),
            counter=counter,
            current=self._watch.current(),
            pending=self.state.pending,
        )
        services, in_order = (counter.services, counter.rule == "in_order") if counter else ((), False)
        if (services, in_order) != (self.line.services, self.line.in_order):
            self.line.set_services(services, in_order=in_order)
        self.waiting = [self.line.ticket(row) for row in range(self.line.rowCount())]
        self.changed.emit()
        self._try_remembered_counter()

    @property
    def missed(self) -> list[Ticket]:
        """Today's no-shows of the counter's services, newest first."""
        return self._watch.missed

    def waiting_count(self) -> int:
        """Returns the number of tickets that wait for this counter, including those that `line` does not list."""
        return len(self.waiting) + self.line.hidden_count

    def _chosen_counter(self) -> CounterSummary | None:
        if self._answered_counter is not None and self._answered_counter.code == self._counter:
            return self._answered_counter
        return next((counter for counter in self.bridge.counters if counter.code == self._counter), None)

    def _try_remembered_counter(self) -> None:
        if self._remembered_tried or self._counter or self.state.user is None or not self.bridge.counters:
            return
        self._remembered_tried = True
        code = self._settings.value("counter")
        remembered = next((counter for counter in self.bridge.counters if counter.code == code), None)
        if remembered is None:
            return
        if flow.may_choose(remembered, self.state):
            self.choose(remembered.code)
        else:
            name = counter_name(remembered.code, self.bridge.counters)
            self.message_posted.emit(
                f"{remembered.held_by} is at {name} now. Choose another counter.", "attention"
            )

    def _finish_sign_out(self) -> None:
        if self._sign_out_timer.isActive():
            self._sign_out_timer.stop()
            self.bridge.sign_out()

    def _may_close(self, counter: CounterSummary) -> bool:
        return flow.held_by_me(counter, self.state) and self.state.current is None

    def _send(self, action: Action, reply: HubReply, on_success: Callable[[Action, object], None]) -> None:
        self.state = msgspec.structs.replace(self.state, pending=action)
        reply.succeeded.connect(lambda result: self._on_answer(action, result, on_success))
        reply.failed.connect(self._on_failure)
        self.changed.emit()

    def _on_answer(
        self, action: Action, result: object, on_success: Callable[[Action, object], None]
    ) -> None:
        self.state = msgspec.structs.replace(self.state, pending=None)
        on_success(action, result)
        self.refresh()

    def _on_failure(self, error: HubError) -> None:
        self.state = msgspec.structs.replace(self.state, pending=None)
        tone: Tone = "neutral" if isinstance(error, Refusal) else "attention"
        self.message_posted.emit(error.message, tone)
        self.refresh()

    def _called(self, action: Action, result: object) -> None:
        ticket: Ticket | None = getattr(result, "ticket", None)
        self.message_posted.emit(console_words.called_words(self.state.current, ticket), "neutral")
        self._watch.answer(ticket)

    def _ticket_changed(self, action: Action, result: object) -> None:
        if isinstance(result, Ticket):
            self.message_posted.emit(console_words.done_words(action, result), "neutral")
            self._watch.answer(result)

    def _on_state(self) -> None:
        was_in = self.state.user is not None
        self.refresh()
        if was_in and self.bridge.state is ConnectionState.REFUSED:
            self.message_posted.emit(console_words.signed_out(self.bridge.refusal), "attention")

    def _counter_changed(self, action: Action, result: object) -> None:
        if isinstance(result, CounterSummary):
            self._answered_counter = result

    def _on_counters(self) -> None:
        self._answered_counter = None
        self.refresh()

    def _on_hello(self) -> None:
        if self.bridge.hello is None:
            self._counter = None
            self.state = msgspec.structs.replace(self.state, pending=None)
        else:
            self._hub_ahead = self.bridge.hello.time - datetime.now(UTC)
        self.refresh()

    def _schedule_refresh(self) -> None:
        if not self._refresh_timer.isActive():
            self._refresh_timer.start()
