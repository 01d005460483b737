"""A clock that a test moves: it stands still until then."""

from __future__ import annotations


class HandClock:
    """Seconds of a monotonic clock, as a callable without arguments."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
