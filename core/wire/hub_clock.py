"""The hub's time in a window: what the hub said, plus the seconds since on a clock that can't be set.

The wall clock of a small computer is wrong until it finds a time server, and then jumps. No window reads it once its hub
has said hello.
"""

from __future__ import annotations

from datetime import datetime, timedelta


class HubClock:
    """The hub's time. Moments are seconds of a steady clock, which counts while the computer is suspended."""

    def __init__(self, time: datetime, at: float) -> None:
        """`time`: this computer's time (UTC) at the moment `at`; it is used until the hub has told its own."""
        self._time, self._at = time, at

    def set(self, time: datetime, at: float) -> None:
        """Takes the hub's time (UTC) at the moment `at`."""
        self._time, self._at = time, at

    def now(self, at: float) -> datetime:
        """Returns the hub's time (UTC) at the moment `at`."""
        return self._time + timedelta(seconds=at - self._at)
