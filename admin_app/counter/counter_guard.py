"""What a counter's console does with time after a press: values in, values out, without Qt and without a clock.

A second press must not reach the next patient. `CounterGuard` sees the patient who is at the counter, from the hub's
events and answers, and closes some actions for a while after a change. `UndoOffer` is the change that can be taken back.
"""

from __future__ import annotations

import msgspec

GUARD_SECONDS = 3.0
"""Seconds after a change of the counter's patient in which no action may end a consultation or call a patient."""
UNDO_SECONDS = 10.0
"""Seconds in which the hub takes an operation back."""


class CounterGuard:
    """The guard of one counter. Moments are seconds of the caller's monotonic clock.

    It does not matter who changed the patient: this console, another one of the same person, or a colleague.
    Coming to a counter is a change, too: a second Enter at sign-in must not complete the patient who is there.
    """

    def __init__(self) -> None:
        self._seen: tuple[str | None, str | None] = (None, None)
        self._ends = float("-inf")

    def saw(self, counter: str | None, patient: str | None, now: float) -> None:
        """Takes the counter's code and the id of the ticket open there; None: no counter, no ticket."""
        if (counter, patient) != self._seen:
            self._seen = (counter, patient)
            self._ends = now + GUARD_SECONDS

    def left(self, now: float) -> float:
        """Returns the part of the guard's time that is left, from 1 to 0; 0: the actions are open."""
        return min(1.0, max(0.0, self._ends - now) / GUARD_SECONDS)


class UndoOffer(msgspec.Struct, frozen=True):
    """An operation that can be taken back.

    Attributes:
        operation: its key.
        done: what it did, for people. undone: what taking it back does.
        since: moment of the hub's answer, in seconds of the caller's monotonic clock.
    """

    operation: str
    done: str
    undone: str
    since: float

    def seconds_left(self, now: float) -> float:
        """Returns the seconds in which it can still be taken back; 0 when it is too late."""
        return max(0.0, min(UNDO_SECONDS, self.since + UNDO_SECONDS - now))
