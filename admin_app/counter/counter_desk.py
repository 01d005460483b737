"""One person's work at one counter: between the hub's bridge, which knows everything, and the panels, which draw.

The panels read `state` and the lines here after each `changed` and ask here for what a person pressed. Every request is
made once: while its answer is outstanding `state.pending` is set and nothing else may be pressed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from PySide6.QtCore import QObject, QSettings, QTimer, Signal

from admin_app import console_flow as flow
from admin_app import console_words as say
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
"""How often, at most, what hangs on the lines is drawn anew; the table has its own pace."""
LEAVE_MILLISECONDS = 2000
"""How long signing out waits for the counter to be given back."""


class CounterDesk(QObject):
    """One person's work at one counter.

    Attributes:
        bridge: the connection to the hub.
        desk: what decides which page is shown and what may be pressed.
        line: who waits for this counter, as a table. waiting: the same as a list, in calling order.
    Signals:
        changed(): any of the attributes, the services or the counters may be another.
        said(str, str): a sentence to show and its tone (`core.qt.look.palette.Tone`).
    """

    changed = Signal()
    said = Signal(str, str)

    def __init__(self, bridge: HubBridge, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self._ahead_of_here = timedelta()
        self.state = DeskState()
        self.line = LineModel(bridge, parent=self, now=self.now, frame_milliseconds=TABLE_FRAME_MILLISECONDS)
        self.waiting: list[Ticket] = []
        self._settings = settings
        self._counter: str | None = None
        self._watch = CounterWatch(bridge, self)
        # The last answer, shown until the push that may still be on its way shows the same.
        self._answered_counter: CounterSummary | None = None
        self._remembered_was_tried = False
        self._frame = QTimer(self, singleShot=True, interval=FRAME_MILLISECONDS)
        self._frame.timeout.connect(self.refresh)
        self._leaving = QTimer(self, singleShot=True, interval=LEAVE_MILLISECONDS)
        self._leaving.timeout.connect(bridge.sign_out)
        bridge.state_changed.connect(self._on_state)
        bridge.stale_changed.connect(self.refresh)
        bridge.hello_changed.connect(self._on_hello)
        bridge.services_changed.connect(self._soon)
        bridge.counters_changed.connect(self._on_counters)
        bridge.line_changed.connect(self._soon)
        # The table may take a change over only after the frame in which the bridge told it.
        for told in (self.line.rowsInserted, self.line.rowsRemoved, self.line.dataChanged):
            told.connect(self._soon)

    def now(self) -> datetime:
        """The hub's time: waits are right even where this computer's clock is not."""
        return datetime.now(UTC) + self._ahead_of_here

    def sign_in(self, name: str, password: str) -> HubReply:
        """Ask the hub to let this person in; the password is not kept."""
        self._remembered_was_tried = False
        return self.bridge.sign_in(name, password)

    def sign_out(self) -> None:
        """Give the counter back, unless a patient is still there, and forget the session."""
        counter = self.state.counter
        self._counter = None
        if self.state.link == "live" and counter and self._may_give_back(counter):
            self.bridge.close_counter(counter.code).finished.connect(self._leave)
            self._leaving.start()
        else:
            self.bridge.sign_out()

    def choose(self, code: str) -> None:
        """Work at this counter from now on, here and after the next sign-in; the one before is given back."""
        before = self.state.counter
        if before and before.code != code and self._may_give_back(before):
            self.bridge.close_counter(before.code)
        self._counter = code
        self._settings.setValue("counter", code)
        self.refresh()
        if (
            self.state.counter is not None
            and flow.must_open(self.state.counter)
            and self.state.pending is None
        ):
            self._ask(Action.OPEN, self.bridge.open_counter(code), self._counter_changed)

    def perform(self, action: Action) -> None:
        """Do what was pressed; nothing if it may not be done now."""
        counter, current = self.state.counter, self.state.current
        if action not in flow.allowed(self.state) or counter is None:
            return
        bridge, code = self.bridge, counter.code
        if action is Action.CALL_NEXT:
            self._ask(action, bridge.call_next_patient(code, current.id if current else None), self._called)
        elif action is Action.OPEN:
            self._ask(action, bridge.open_counter(code), self._counter_changed)
        elif action is Action.PAUSE:
            self._ask(action, bridge.pause_counter(code), self._counter_changed)
        elif current is not None:
            request = {
                Action.RECALL: bridge.recall,
                Action.COMPLETE: bridge.complete,
                Action.NO_SHOW: bridge.no_show,
            }[action]
            self._ask(action, request(current.id), self._ticket_changed)

    def refresh(self) -> None:
        """Read everything anew and say so."""
        self._frame.stop()
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
        """How many wait for this counter, listed or not."""
        return len(self.waiting) + self.line.hidden_count

    def _chosen_counter(self) -> CounterSummary | None:
        if self._answered_counter is not None and self._answered_counter.code == self._counter:
            return self._answered_counter
        return next((counter for counter in self.bridge.counters if counter.code == self._counter), None)

    def _try_remembered_counter(self) -> None:
        if self._remembered_was_tried or self._counter or self.state.user is None or not self.bridge.counters:
            return
        self._remembered_was_tried = True
        code = self._settings.value("counter")
        found = next((counter for counter in self.bridge.counters if counter.code == code), None)
        if found is None:
            return
        if flow.may_choose(found, self.state):
            self.choose(found.code)
        else:
            name = counter_name(found.code, self.bridge.counters)
            self.said.emit(f"{found.held_by} is at {name} now. Choose another counter.", "attention")

    def _leave(self) -> None:
        if self._leaving.isActive():
            self._leaving.stop()
            self.bridge.sign_out()

    def _may_give_back(self, counter: CounterSummary) -> bool:
        return flow.held_by_me(counter, self.state) and self.state.current is None

    def _ask(self, action: Action, reply: HubReply, then: Callable[[Action, object], None]) -> None:
        self.state = msgspec.structs.replace(self.state, pending=action)
        reply.succeeded.connect(lambda result: self._on_answer(action, result, then))
        reply.failed.connect(self._on_failure)
        self.changed.emit()

    def _on_answer(self, action: Action, result: object, then: Callable[[Action, object], None]) -> None:
        self.state = msgspec.structs.replace(self.state, pending=None)
        then(action, result)
        self.refresh()

    def _on_failure(self, error: HubError) -> None:
        self.state = msgspec.structs.replace(self.state, pending=None)
        tone: Tone = "neutral" if isinstance(error, Refusal) else "attention"
        self.said.emit(error.message, tone)
        self.refresh()

    def _called(self, action: Action, result: object) -> None:
        ticket: Ticket | None = getattr(result, "ticket", None)
        self.said.emit(say.called_words(self.state.current, ticket), "neutral")
        self._watch.answer(ticket)

    def _ticket_changed(self, action: Action, result: object) -> None:
        if isinstance(result, Ticket):
            self.said.emit(say.done_words(action, result), "neutral")
            self._watch.answer(result)

    def _on_state(self) -> None:
        was_in = self.state.user is not None
        self.refresh()
        if was_in and self.bridge.state is ConnectionState.REFUSED:
            self.said.emit(say.signed_out(self.bridge.refusal), "attention")

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
            self._ahead_of_here = self.bridge.hello.time - datetime.now(UTC)
        self.refresh()

    def _soon(self) -> None:
        if not self._frame.isActive():
            self._frame.start()
