"""CounterGuard and UndoOffer: values and moments, without a window."""

from __future__ import annotations

from admin_app.counter.counter_guard import GUARD_SECONDS, UNDO_SECONDS, CounterGuard, UndoOffer


def guarded(*seen: tuple[str | None, str | None]) -> CounterGuard:
    """A guard that saw these counters and patients long ago."""
    guard = CounterGuard()
    for counter, patient in seen:
        guard.saw(counter, patient, 0.0)
    return guard


def test_a_change_of_the_patient_closes_for_the_guards_time() -> None:
    guard = guarded(("R1", "a"))
    guard.saw("R1", "b", 100.0)
    assert guard.left(100.0) == 1.0
    assert 0 < guard.left(100.0 + GUARD_SECONDS - 0.01) < 0.01
    assert guard.left(100.0 + GUARD_SECONDS) == 0.0


def test_a_patient_who_leaves_is_a_change() -> None:
    guard = guarded(("R1", "a"))
    guard.saw("R1", None, 100.0)
    assert guard.left(100.1) > 0


def test_the_same_patient_again_is_no_change() -> None:
    guard = guarded(("R1", "a"))
    guard.saw("R1", "a", 100.0)
    assert guard.left(100.0) == 0.0


def test_a_second_change_starts_the_time_anew() -> None:
    guard = guarded(("R1", "a"))
    guard.saw("R1", "b", 100.0)
    guard.saw("R1", "c", 102.0)
    assert guard.left(104.0) > 0


def test_coming_to_a_counter_is_a_change() -> None:
    guard = guarded(("R1", None))
    guard.saw("R2", None, 100.0)
    assert guard.left(100.0) == 1.0


def test_an_offer_ends_with_its_time() -> None:
    offer = UndoOffer("key", "A001 is called.", "A001 waits again.", 100.0)
    assert offer.seconds_left(100.0) == UNDO_SECONDS
    assert offer.seconds_left(100.0 + UNDO_SECONDS) == 0.0
