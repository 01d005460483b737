"""Replica: how pushes and answers change the lines and lists that a client holds."""

from typing import Any

import msgspec
import pytest

from core.errors import InvalidRequest
from core.line.tickets import CounterSummary, WaitBracket
from core.wire.protocol import encode
from core.wire.replica import (
    CountersChanged,
    EventApplied,
    LineReplaced,
    Pushed,
    Replica,
    ResyncNeeded,
    ServicesChanged,
    StaleChanged,
)
from core.wire.results import ConfigChanged
from tests.support.builders import make_service
from tests.support.reference_line import ReferenceLine

DOCTOR = make_service(name="Doctor", estimated_wait=WaitBracket(300, 900))
BLOOD = make_service("B", "Blood tests")
ROOM = CounterSummary(code="R1", name="Room 1")


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(encode(value))


def test_a_subscription_brings_snapshots_or_the_missed_events() -> None:
    truth, replica = ReferenceLine(), Replica()
    assert replica.subscription(None) == {"services": None, "since": {}}
    answer = {"services": {"A": {"snapshot": truth.snapshot()}}}
    assert replica.take_subscription(raw(answer)) == [LineReplaced("A")]
    assert replica.subscription(("A",)) == {"services": ("A",), "since": {"A": 0}, "epoch": "e1"}
    events = [truth.join(), truth.join()]
    changes = replica.take_subscription(raw({"services": {"A": {"events": events}}}))
    assert [type(change) for change in changes] == [EventApplied, EventApplied]
    assert replica.lines.line("A").waiting_count == 2


def test_an_incomplete_line_applies_events_and_asks_for_a_snapshot() -> None:
    truth, replica = ReferenceLine(), Replica()
    for number in range(1, 13):
        truth.join()
        truth.call()
        truth.end(f"ticket-{number}", "completed")
    truth.join()
    truth.call()
    replica.take_subscription(raw({"services": {"A": {"snapshot": truth.snapshot()}}}))
    undone = truth.undo()
    assert undone is not None
    for event in (undone, truth.join()):
        changes = replica.take_push("queue.event", raw(event))
        assert [type(change) for change in changes] == [EventApplied, ResyncNeeded]
        assert replica.subscription(None)["since"] == {}
    assert replica.take_push("queue.snapshot", raw(truth.snapshot())) == [LineReplaced("A")]
    assert replica.subscription(None)["since"] == {"A": truth.revision}


def test_lists_replace_and_pushes_change_what_they_name() -> None:
    replica = Replica()
    assert replica.take_services(raw({"services": [DOCTOR, BLOOD]})) == [ServicesChanged()]
    assert replica.take_services(raw({"services": [DOCTOR, BLOOD]})) == []
    assert replica.lines.line("A").estimated_wait == WaitBracket(300, 900)
    closed = msgspec.structs.replace(DOCTOR, state="closed")
    new = make_service("C", "Pharmacy")
    changes = replica.take_push("services.changed", raw({"services": [new, closed]}))
    assert changes == [ServicesChanged()]
    assert replica.services == (closed, BLOOD, new)
    assert replica.take_counters(raw({"counters": [ROOM]})) == [CountersChanged()]
    paused = msgspec.structs.replace(ROOM, state="paused")
    assert replica.take_push("counters.changed", raw({"counters": [paused]})) == [CountersChanged()]
    assert replica.take_push("counters.changed", raw({"counters": [paused]})) == []
    assert replica.counters == (paused,)


def test_events_snapshots_configuration_and_unknown_pushes_become_changes() -> None:
    truth, replica = ReferenceLine(), Replica()
    assert replica.take_push("queue.event", raw(truth.join())) == [ResyncNeeded("A", 1)]
    assert replica.take_push("queue.snapshot", raw(truth.snapshot())) == [LineReplaced("A")]
    event = truth.join()
    assert replica.take_push("queue.event", raw(event)) == [EventApplied(event)]
    assert replica.take_push("queue.event", raw(event)) == []
    assert replica.take_push("config.changed", raw({"revision": 9})) == [ConfigChanged(9)]
    assert replica.take_push("moon.rises", raw({"at": 7})) == [Pushed("moon.rises", {"at": 7})]
    with pytest.raises(InvalidRequest):
        replica.take_push("queue.event", raw({"service": 1}))


def test_lists_are_stale_while_the_hubs_database_is_unreachable() -> None:
    replica = Replica()
    assert replica.take_services(raw({"services": [], "stale": True})) == [StaleChanged(True)]
    assert replica.stale
    assert replica.take_push("counters.changed", raw({"counters": [], "stale": True})) == []
    assert replica.take_push("services.changed", raw({"services": [], "stale": False})) == [
        StaleChanged(False)
    ]
    assert replica.take_subscription(raw({"services": {}, "stale": True})) == [StaleChanged(True)]
    assert replica.take_counters(raw({"counters": []})) == [StaleChanged(False)]
    assert not replica.stale


def test_what_a_newer_hub_adds_is_ignored() -> None:
    changes = Replica().take_services(raw({"services": [{"code": "A", "name": "Doctor", "mood": "good"}]}))
    assert changes == [ServicesChanged()]
