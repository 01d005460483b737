"""Waits of tests: for conditions, never for a fixed time, up to ends that a factor scales.

`INTURN_TEST_PATIENCE` multiplies every end in this file and every test's time-out. The ends are generous: a wait returns
as soon as its condition holds, so that only a failing test reaches an end.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from threading import Event
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

PATIENCE = float(os.environ.get("INTURN_TEST_PATIENCE", "1"))
"""The factor; above 1 for slow or busy machines."""


def patient(seconds: float) -> float:
    """Seconds, scaled by the factor."""
    return seconds * PATIENCE


WAIT_SECONDS = patient(60)
"""The longest wait for a condition."""
WAIT_MILLISECONDS = int(WAIT_SECONDS * 1000)
"""`WAIT_SECONDS` for Qt."""
CANCEL_SECONDS = patient(10)
"""The time within which a cancelled task must end."""


async def until(predicate: Callable[[], T], what: str = "") -> T:
    """Calls `predicate` every 10 ms and returns its first true value.

    Raises AssertionError with `what` after `WAIT_SECONDS`.
    """
    deadline = monotonic() + WAIT_SECONDS
    while not (value := predicate()):
        assert monotonic() < deadline, f"waited {WAIT_SECONDS:g} s in vain for {what or predicate}"
        await asyncio.sleep(0.01)
    return value


def wait_until(predicate: Callable[[], T], what: str = "") -> T:
    """As `until`, without an event loop: blocks the thread."""
    deadline = monotonic() + WAIT_SECONDS
    while not (value := predicate()):
        assert monotonic() < deadline, f"waited {WAIT_SECONDS:g} s in vain for {what or predicate}"
        Event().wait(0.01)
    return value


async def in_time(work: Awaitable[T]) -> T:
    """The result of `work`. Raises TimeoutError after `WAIT_SECONDS`."""
    return await asyncio.wait_for(work, WAIT_SECONDS)
