"""A line's replica equals the line: it applies each revision once and in order, or a snapshot."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from core.line.line_store import Applied, Line, LineStore
from core.line.tickets import EventKind, QueueEvent
from tests.support.reference_line import ReferenceLine

Step = tuple[str, int, int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "join",
                "join",
                "join",
                "call",
                "complete",
                "no_show",
                "last",
                "recall",
                "park",
                "again",
                "by_name",
                "move",
                "cancel",
                "out",
                "update",
                "undo",
                "undo",
                "switch",
            ]
        ),
        st.integers(0, 30),
        st.integers(1, 30),
    ),
    max_size=60,
)


ACTED_UPON: dict[str, set[str]] = {
    "call": {"waiting"},
    "move": {"waiting"},
    "cancel": {"waiting", "parked"},
    "park": {"waiting", "consulting"},
    "again": {"parked"},
    "by_name": {"waiting", "parked", "no_show"},
    "out": {"waiting", "consulting", "parked"},
    "update": {"waiting", "consulting", "parked", "no_show"},
}
ENDS: dict[str, EventKind] = {
    "complete": "completed",
    "no_show": "no_show",
    "park": "parked",
    "cancel": "cancelled",
}
AGAIN: dict[str, EventKind] = {"again": "unparked", "move": "moved"}
SWITCHES: list[EventKind] = ["opened", "paused", "closed"]


def act(line: ReferenceLine, step: Step) -> QueueEvent | None:
    """Applies a step to the reference; returns its event, or None when no ticket has a fitting status."""
    what, index, place = step
    if what == "join":
        return line.join(place if index % 3 == 0 else None)
    if what == "switch":
        return line.switch(SWITCHES[index % 3])
    if what == "undo":
        return line.undo()
    statuses = ACTED_UPON.get(what, {"consulting"})
    candidates = [t.id for t in line.tickets.values() if t.service == "A" and t.status in statuses]
    if not candidates:
        return None
    return act_on(line, what, candidates[index % len(candidates)], place)


def act_on(line: ReferenceLine, what: str, chosen: str, place: int) -> QueueEvent:
    match what:
        case "complete" | "no_show" | "park" | "cancel":
            return line.end(chosen, ENDS[what])
        case "again" | "move":
            return line.enter_again(chosen, place, AGAIN[what])
        case "last":
            return line.enter_again(chosen, len(line.order) + 1, "no_show")
        case "call" | "by_name" | "recall":
            return line.call_patient(chosen, "recalled" if what == "recall" else "called")
        case "update":
            return line.update(chosen)
        case _:
            return line.transfer_out(chosen)


def followed(line: ReferenceLine) -> LineStore:
    store = LineStore()
    assert store.apply_snapshot(line.snapshot())
    return store


def assert_same(line: Line, truth: ReferenceLine) -> None:
    """Asserts that a line equals the reference; an incomplete line may lack the oldest recent and missed tickets."""
    snapshot = truth.snapshot()
    assert (line.revision, line.open, line.epoch) == (truth.revision, truth.open, truth.epoch)
    assert line.first(3) == snapshot.waiting[:3]
    assert line.waiting == snapshot.waiting
    assert line.consulting == snapshot.consulting
    assert line.parked == snapshot.parked
    held, expected = (line.recent, line.missed), (snapshot.recent, snapshot.missed)
    if line.incomplete:
        assert held == (expected[0][: len(held[0])], expected[1][: len(held[1])])
    else:
        assert held == expected


def after_a_busy_morning() -> ReferenceLine:
    """A line whose 14 patients were all called; 12 of them are no-shows, more than a line lists."""
    truth = ReferenceLine()
    for number in range(1, 15):
        truth.join()
        truth.call()
        truth.end(f"ticket-{number}", "completed" if number in (1, 14) else "no_show")
    return truth


@given(STEPS, st.integers(0, 60), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_replica_is_the_line(steps: list[Step], snapshot_at: int, busy: bool) -> None:
    truth = after_a_busy_morning() if busy else ReferenceLine()
    store = followed(truth)
    for at, step in enumerate(steps):
        if at == snapshot_at:
            store = followed(truth)
        event = act(truth, step)
        if event is not None:
            applied = store.apply_event(event)
            assert applied is (Applied.INCOMPLETE if store.line("A").incomplete else Applied.APPLIED)
        assert_same(store.line("A"), truth)


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_a_store_that_gets_a_snapshot_when_incomplete_has_all_recent_and_missed_tickets(
    steps: list[Step],
) -> None:
    truth = after_a_busy_morning()
    store = followed(truth)
    for step in steps:
        event = act(truth, step)
        if event is not None and store.apply_event(event) is Applied.INCOMPLETE:
            assert store.since() == {}
            assert store.apply_snapshot(truth.snapshot())
        line, snapshot = store.line("A"), truth.snapshot()
        assert (line.recent, line.missed) == (snapshot.recent, snapshot.missed)


@given(STEPS, st.data())
@settings(max_examples=60, deadline=None)
def test_a_repeated_or_late_event_changes_nothing(steps: list[Step], data: st.DataObject) -> None:
    truth = ReferenceLine()
    store = followed(truth)
    events = [event for step in steps if (event := act(truth, step)) is not None]
    for event in events:
        assert store.apply_event(event) is Applied.APPLIED
        again = data.draw(st.sampled_from(events))
        answer = store.apply_event(again)
        assert answer is (Applied.KNOWN if again.revision <= event.revision else Applied.RESYNC) or (
            again.revision == event.revision + 1 and answer is Applied.APPLIED
        )
        if answer is Applied.APPLIED:
            break
    else:
        assert_same(store.line("A"), truth)


def test_a_gap_asks_for_the_missing_events_and_continues_with_them() -> None:
    truth = ReferenceLine()
    store = followed(truth)
    events = [truth.join() for _ in range(4)]
    assert store.apply_event(events[0]) is Applied.APPLIED
    assert store.apply_event(events[2]) is Applied.RESYNC
    assert store.since() == {"A": 1}
    assert store.line("A").waiting_count == 1
    for event in events[1:]:
        assert store.apply_event(event) is Applied.APPLIED
    assert_same(store.line("A"), truth)


def test_an_event_that_contradicts_the_line_asks_for_a_snapshot() -> None:
    truth = ReferenceLine()
    store = followed(truth)
    store.apply_event(truth.join())
    held = store.line("A").waiting
    wrong = msgspec.structs.replace(truth.call(), waiting=5)
    assert store.apply_event(wrong) is Applied.RESYNC
    assert store.line("A").waiting == held
    assert store.since() == {}
    assert store.apply_event(truth.join()) is Applied.RESYNC
    assert store.apply_snapshot(truth.snapshot())
    assert_same(store.line("A"), truth)
    assert store.since() == {"A": truth.revision}


def test_a_long_line_comes_in_parts_and_is_shown_when_whole() -> None:
    truth = ReferenceLine()
    for _ in range(12):
        truth.join()
    truth.call()
    store = LineStore()
    replaced = [store.apply_snapshot(part) for part in truth.parts(4)]
    assert replaced == [False, False, True]
    assert_same(store.line("A"), truth)


def test_a_part_of_another_revision_begins_anew() -> None:
    truth = ReferenceLine()
    for _ in range(8):
        truth.join()
    store = LineStore()
    assert not store.apply_snapshot(truth.parts(4)[0])
    truth.call()
    assert not store.apply_snapshot(truth.parts(4)[0])
    assert not store.line("A").known
    assert store.apply_snapshot(truth.parts(4)[1])
    assert_same(store.line("A"), truth)


def test_an_older_snapshot_is_ignored_unless_it_is_of_another_epoch() -> None:
    truth = ReferenceLine()
    store = followed(truth)
    old = truth.snapshot()
    store.apply_event(truth.join())
    assert not store.apply_snapshot(old)
    assert_same(store.line("A"), truth)
    restored = ReferenceLine(epoch="e2")
    assert store.apply_snapshot(restored.snapshot())
    assert_same(store.line("A"), restored)
    assert store.epoch == "e2"


def test_lines_of_another_epoch_are_not_continued() -> None:
    store = followed(ReferenceLine(revision=3))
    other = msgspec.structs.replace(ReferenceLine(epoch="e2").snapshot(), service="B")
    store.apply_snapshot(other)
    assert store.since() == {"B": 0}


def test_an_unknown_line_is_empty_and_asked_for() -> None:
    store = LineStore()
    assert not store.line("A").known
    assert store.line("A").waiting == ()
    assert store.line("A").find("nobody") is None
    assert store.apply_event(ReferenceLine().join()) is Applied.RESYNC
    assert store.since() == {}


def test_missed_patients_are_of_the_business_day() -> None:
    truth = ReferenceLine()
    store = followed(truth)
    store.apply_event(truth.join())
    store.apply_event(truth.call())
    store.apply_event(truth.end("ticket-1", "no_show"))
    assert len(store.line("A").missed) == 1
    tomorrow = truth.join()
    assert tomorrow.ticket is not None
    ticket = msgspec.structs.replace(tomorrow.ticket, business_day="2026-11-24")
    store.apply_event(msgspec.structs.replace(tomorrow, ticket=ticket))
    assert store.line("A").missed == ()


def test_an_undone_recall_leaves_the_recent_tickets_incomplete_until_a_snapshot() -> None:
    truth = ReferenceLine()
    for _ in range(14):
        truth.join()
    for number in range(1, 13):
        truth.call()
        if number > 1:
            truth.end(f"ticket-{number}", "no_show" if number > 6 else "completed")
    truth.call_patient("ticket-1", "recalled")
    store = followed(truth)
    undone = truth.undo()
    assert undone is not None
    assert store.apply_event(undone) is Applied.INCOMPLETE
    assert_same(store.line("A"), truth)
    assert [ticket.id for ticket in store.line("A").recent] == [f"ticket-{n}" for n in range(12, 3, -1)]
    assert store.apply_event(truth.join()) is Applied.INCOMPLETE
    assert store.apply_snapshot(truth.snapshot())
    assert [ticket.id for ticket in store.line("A").recent] == [f"ticket-{n}" for n in range(12, 2, -1)]
    assert store.since() == {"A": truth.revision}


def test_calling_a_missed_patient_leaves_the_missed_tickets_incomplete() -> None:
    truth = after_a_busy_morning()
    store = followed(truth)
    assert len(store.line("A").missed) == 10
    assert store.apply_event(truth.call_patient("ticket-13")) is Applied.INCOMPLETE
    assert_same(store.line("A"), truth)
    assert len(store.line("A").missed) == 9


def test_the_missed_tickets_of_a_new_day_are_complete() -> None:
    truth = after_a_busy_morning()
    store = followed(truth)
    events = [truth.join(), truth.call(), truth.end("ticket-15", "no_show"), truth.call_patient("ticket-15")]
    missed = []
    for event in events:
        assert event.ticket is not None
        tomorrows = msgspec.structs.replace(event.ticket, business_day="2026-11-24")
        assert store.apply_event(msgspec.structs.replace(event, ticket=tomorrows)) is Applied.APPLIED
        missed.append(len(store.line("A").missed))
    assert missed == [0, 0, 1, 0]


def test_a_patient_who_was_parked_or_missed_is_called() -> None:
    truth = ReferenceLine()
    store = followed(truth)
    acts = [truth.join(), truth.end("ticket-1", "parked"), truth.call_patient("ticket-1")]
    acts += [truth.end("ticket-1", "no_show"), truth.call_patient("ticket-1")]
    for event in acts:
        assert store.apply_event(event) is Applied.APPLIED
    assert_same(store.line("A"), truth)
    line = store.line("A")
    assert (len(line.consulting), line.parked, line.missed) == (1, (), ())
