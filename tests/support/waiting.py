"""How long tests wait: for a condition, never for a time, with an end that one factor scales.

`INTURN_TEST_PATIENCE` multiplies every end in this file and every test's own time-out. The ends are generous: a wait
returns at the moment at which its condition holds, so only a failing test ever reaches one.
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
"""A machine that is slower or busier than most asks for more than 1."""


def patient(seconds: float) -> float:
    """The end of a wait in seconds, scaled."""
    return seconds * PATIENCE


WAIT_SECONDS = patient(60)
"""When a condition is given up."""
WAIT_MILLISECONDS = int(WAIT_SECONDS * 1000)
"""The same for Qt."""
CANCEL_SECONDS = patient(10)
"""When a cancelled task counts as stubborn."""


async def until(predicate: Callable[[], T], what: str = "") -> T:
    """Returns the first true value of `predicate`, asked every 10 ms.

    Raises AssertionError with `what` was waited for when `WAIT_SECONDS` are over.
    """
    deadline = monotonic() + WAIT_SECONDS
    while not (value := predicate()):
        assert monotonic() < deadline, f"waited {WAIT_SECONDS:g} s in vain for {what or predicate}"
        await asyncio.sleep(0.01)
    return value


def wait_until(predicate: Callable[[], T], what: str = "") -> T:
    """As `until`, for code without an event loop: the thread waits."""
    deadline = monotonic() + WAIT_SECONDS
    while not (value := predicate()):
        assert monotonic() < deadline, f"waited {WAIT_SECONDS:g} s in vain for {what or predicate}"
        Event().wait(0.01)
    return value


async def in_time(work: Awaitable[T]) -> T:
    """What `work` returns. Raises TimeoutError when it takes longer than any wait may."""
    return await asyncio.wait_for(work, WAIT_SECONDS)
