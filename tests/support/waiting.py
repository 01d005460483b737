"""Waiting in tests: ask again until a deadline, never sleep and hope."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


async def until(predicate: Callable[[], T], timeout: float = 5.0, what: str = "") -> T:
    """Return the first true value of `predicate`, asked every 10 ms.

    Raises AssertionError with `what` was waited for when `timeout` seconds are over.
    """
    deadline = monotonic() + timeout
    while not (value := predicate()):
        assert monotonic() < deadline, f"waited {timeout:g} s in vain for {what or predicate}"
        await asyncio.sleep(0.01)
    return value
