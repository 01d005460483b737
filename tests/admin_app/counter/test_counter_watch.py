"""CounterWatch: answers and events in either order lead to the same patient at the counter."""

from __future__ import annotations

from typing import cast

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from admin_app.counter.counter_watch import CounterWatch
from core.line.tickets import CounterSummary, QueueEvent, Ticket
from core.qt.hub_bridge import HubBridge
from tests.support.scripted_bridge import NOW, ScriptedBridge, service, ticket

COUNTER = CounterSummary(code="R1", name="Counter 1", services=("A",))
WAITING = ticket("A001", position=1)
CALLED = ticket("A001", status="consulting", position=None, counter="R1", calls=1, called_at=NOW)
DONE = ticket("A001", status="completed", position=None, counter="R1", calls=1, ended_at=NOW)
MISSED = ticket("A001", status="no_show", position=None, calls=1, ended_at=NOW)


class Desk(QObject):
    """A watched counter of a line with a single ticket."""

    def __init__(self) -> None:
        super().__init__()
        self.bridge = ScriptedBridge()
        self.watch = CounterWatch(cast(HubBridge, self.bridge), self)
        self.bridge.offer(service("A", "See a doctor"))
        self.bridge.snapshot("A", waiting=(WAITING,))
        self.watch.follow(COUNTER)
        self._revision = 1

    def happen(self, kind: str, after: Ticket, leaves: int | None = None) -> None:
        self._revision += 1
        event = QueueEvent(
            service="A", revision=self._revision, kind=kind, at=NOW, ticket=after, from_position=leaves
        )
        self.bridge.happen(event)
        self.watch.follow(COUNTER)


@pytest.fixture
def desk(qapp: QApplication) -> Desk:
    return Desk()


def test_the_answer_shows_before_the_event(desk: Desk) -> None:
    desk.watch.answer(CALLED)
    assert desk.watch.current() == CALLED
    desk.happen("called", CALLED, leaves=1)
    assert desk.watch.current() == CALLED


def test_answers_after_their_events_change_nothing(desk: Desk) -> None:
    desk.happen("called", CALLED, leaves=1)
    desk.watch.answer(CALLED)
    desk.happen("completed", DONE)
    desk.watch.answer(DONE)
    assert desk.watch.current() is None


def test_a_completed_patient_is_gone_with_the_answer(desk: Desk) -> None:
    desk.happen("called", CALLED, leaves=1)
    desk.watch.answer(DONE)
    assert desk.watch.current() is None
    desk.happen("completed", DONE)
    assert desk.watch.current() is None


def test_a_call_by_another_client_is_shown(desk: Desk) -> None:
    desk.happen("called", CALLED, leaves=1)
    assert desk.watch.current() == CALLED


def test_a_no_show_is_listed_as_missed(desk: Desk) -> None:
    desk.happen("called", CALLED, leaves=1)
    desk.happen("no_show", MISSED)
    assert desk.watch.missed == [MISSED]


def test_a_snapshot_replaces_the_patient_at_the_counter(desk: Desk) -> None:
    desk.happen("called", CALLED, leaves=1)
    desk.bridge.snapshot("A")
    desk.watch.follow(COUNTER)
    assert desk.watch.current() is None


def test_another_counter_has_another_patient(desk: Desk) -> None:
    desk.happen("called", CALLED, leaves=1)
    desk.watch.follow(CounterSummary(code="R2", name="Counter 2", services=("A",)))
    assert desk.watch.current() is None
