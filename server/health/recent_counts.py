"""Counts of the last ten minutes, in slots of one minute. Pure apart from its clock."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from time import monotonic

SLOT_SECONDS = 60.0
SLOTS = 10


class RecentCounts:
    """Counts by word; `clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._slots: deque[tuple[int, Counter[str]]] = deque(maxlen=SLOTS)

    def add(self, what: str) -> None:
        """Counts one occurrence now."""
        minute = int(self._clock() // SLOT_SECONDS)
        if not self._slots or self._slots[-1][0] != minute:
            self._slots.append((minute, Counter()))
        self._slots[-1][1][what] += 1

    def of(self, what: str) -> int:
        """Number of occurrences in the last ten minutes, including the current minute."""
        oldest = int(self._clock() // SLOT_SECONDS) - SLOTS + 1
        return sum(counts[what] for minute, counts in self._slots if minute >= oldest)
