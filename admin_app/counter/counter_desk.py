"""State and actions of the user's counter: stands between the bridge to the hub and the panels.

The panels read the desk's attributes after each `changed`, and call the desk when a button is pressed. One action runs at
a time: `state.pending` is set until the hub answers, and the desk ignores further actions meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from PySide6.QtCore import QObject, QSettings, QTimer, Signal

from admin_app import console_flow as flow
from admin_app import console_words
from admin_app.console_flow import Action, DeskState
from admin_app.counter.counter_watch import CounterWatch
from admin_app.counter.follow_up import FollowUp
from core.errors import HubError, Refusal
from core.line.tickets import CounterSummary, QueueEvent, SignedIn, Ticket
from core.qt.hub_bridge import CallNextResult, ConnectionState, HubBridge, HubReply
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
        follow_up: the guard after a change of the patient, and the action that can be taken back.
    Signals:
        changed(): any attribute, the services or the counters may have changed.
        message_posted(str, str): a sentence to show and its tone (`core.qt.look.palette.Tone`).
    """

    changed = Signal()
    message_posted = Signal(str, str)

    def __init__(
        self,
        bridge: HubBridge,
        settings: QSettings,
        parent: QObject | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self.follow_up = FollowUp(self, clock)
        self.follow_up.ended.connect(self.refresh)
        self.state = DeskState()
        self.line = LineModel(bridge, parent=self, frame_milliseconds=TABLE_FRAME_MILLISECONDS)
        self.waiting: list[Ticket] = []
        self._settings = settings
        self._counter: str | None = None
        self._watch = CounterWatch(bridge, self)
        # Counter of the last answer. It counts until the hub pushes the counters, which may arrive after the answer.
        self._answered_counter: CounterSummary | None = None
        self._remembered_tried = False
        # Where the person was signed in already at sign-in: a reconnection does not ask again.
        self._signing_in = False
        self._elsewhere: tuple[SignedIn, ...] = ()
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
        # After the watch, which connected before: it has applied the event by now.
        bridge.event_received.connect(self._on_event)
        # The table may apply a change later than the frame in which the bridge signals it.
        for signal in (self.line.rowsInserted, self.line.rowsRemoved, self.line.dataChanged):
            signal.connect(self._schedule_refresh)

    def now(self) -> datetime:
        """Returns the hub's time (UTC)."""
        return self.bridge.now()

    def sign_in(self, name: str, password: str, new_password: str | None = None) -> HubReply:
        """Sends the credentials to the hub; the desk does not store the password."""
        self._remembered_tried, self._signing_in = False, True
        return self.bridge.sign_in(name, password, new_password)

    def go_on_here(self) -> None:
        """The user was told where they are signed in already, and works here all the same."""
        self._elsewhere = ()
        self.refresh()

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
            reply = bridge.call_next_patient(code, current.id if current else None)
            self._send(action, reply, lambda result: self._called(current, result))
        elif action is Action.OPEN:
            self._send(action, bridge.open_counter(code), self._counter_changed)
        elif action is Action.PAUSE:
            self._send(action, bridge.pause_counter(code), self._counter_changed)
        elif action is Action.UNDO:
            self._undo()
        elif current is not None:
            request = {
                Action.RECALL: bridge.recall,
                Action.COMPLETE: bridge.complete,
                Action.NO_SHOW: bridge.no_show,
            }[action]
            self._send(action, request(current.id), lambda ticket: self._ticket_changed(action, ticket))

    def refresh(self) -> None:
        """Recomputes all attributes from the bridge and emits `changed`."""
        self._refresh_timer.stop()
        counter = self._chosen_counter()
        self._watch.follow(counter)
        hello, current = self.bridge.hello, self._watch.current()
        self.follow_up.saw(counter.code if counter else None, current.id if current else None)
        self.state = DeskState(
            link=self.bridge.state.value,
            stale=self.bridge.stale,
            user=hello.name if hello and self.bridge.state is not ConnectionState.REFUSED else None,
            elsewhere=self._elsewhere,
            supervises=bool(hello and hello.role in SUPERVISOR),
            counter=counter,
            current=current,
            pending=self.state.pending,
            guarded=self.follow_up.guard_left > 0,
            may_undo=self.follow_up.offered is not None,
        )
        services, in_order = (counter.services, counter.rule == "in_order") if counter else ((), False)
        if (services, in_order) != (self.line.services, self.line.in_order):
            self.line.set_services(services, in_order=in_order)
        self.waiting = [self.line.ticket(row) for row in range(self.line.rowCount())]
        self.changed.emit()
        self._try_remembered_counter()

    def offer_undo(self, done: str, undone: str) -> None:
        """Offers to take the last change back; both sentences are for staff (`counter_guard.UndoOffer`)."""
        self.follow_up.offer(self.bridge.last_operation, done, undone)
        self.refresh()

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
        if self._remembered_tried or self._counter or self.state.user is None or self._elsewhere:
            return
        if not self.bridge.counters:
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

    def _send(self, action: Action, reply: HubReply, on_success: Callable[[Any], None]) -> None:
        self.state = msgspec.structs.replace(self.state, pending=action)
        reply.succeeded.connect(lambda result: self._on_answer(result, on_success))
        reply.failed.connect(self._on_failure)
        self.changed.emit()

    def _on_answer(self, result: object, on_success: Callable[[Any], None]) -> None:
        self.state = msgspec.structs.replace(self.state, pending=None)
        on_success(result)
        self.refresh()

    def _on_failure(self, error: HubError) -> None:
        self.state = msgspec.structs.replace(self.state, pending=None)
        tone: Tone = "neutral" if isinstance(error, Refusal) else "attention"
        self.message_posted.emit(error.message, tone)
        self.refresh()

    def _called(self, before: Ticket | None, result: CallNextResult) -> None:
        called = result.ticket
        self._watch.answer(called)
        done = console_words.called_words(before, called)
        if before is None and called is None:
            self._say(done)
        else:
            self.offer_undo(done, console_words.uncalled_words(before, called))

    def _ticket_changed(self, action: Action, ticket: Ticket) -> None:
        self._watch.answer(ticket)
        self.offer_undo(console_words.done_words(action, ticket), console_words.undone_words(action, ticket))

    def _undo(self) -> None:
        offer = self.follow_up.offered
        if offer is not None:
            self.follow_up.withdraw()
            self._send(
                Action.UNDO, self.bridge.undo(offer.operation), lambda _ticket: self._say(offer.undone)
            )

    def _say(self, sentence: str) -> None:
        self.message_posted.emit(sentence, "neutral")

    def _on_state(self) -> None:
        was_in = self.state.user is not None
        self.refresh()
        if was_in and self.bridge.state is ConnectionState.REFUSED:
            self.message_posted.emit(console_words.signed_out(self.bridge.refusal), "attention")

    def _counter_changed(self, counter: CounterSummary) -> None:
        self._answered_counter = counter

    def _on_counters(self) -> None:
        self._answered_counter = None
        self.refresh()

    def _on_hello(self) -> None:
        if self.bridge.hello is None:
            self._counter, self._elsewhere = None, ()
            self.follow_up.withdraw()
            self.state = msgspec.structs.replace(self.state, pending=None)
        else:
            if self._signing_in:
                self._signing_in, self._elsewhere = False, self.bridge.hello.elsewhere
        self.refresh()

    def _on_event(self, _event: QueueEvent) -> None:
        """Another patient at this counter is shown at once, not at the next frame: a press acts on what is there."""
        current, shown = self._watch.current(), self.state.current
        if (current and current.id) != (shown and shown.id):
            self.refresh()

    def _schedule_refresh(self) -> None:
        if not self._refresh_timer.isActive():
            self._refresh_timer.start()
