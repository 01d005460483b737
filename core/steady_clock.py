"""A clock that can't be set and that counts while the computer is suspended."""

from __future__ import annotations

import sys
import time

_NAMES = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}
"""Clocks that count during suspension. `time.monotonic` does not on these platforms; on Windows it does."""
_CLOCK: int | None = getattr(time, _NAMES.get(sys.platform, ""), None)


def steady_seconds() -> float:
    """Returns the seconds since some moment in the past, the same for the whole process."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)
