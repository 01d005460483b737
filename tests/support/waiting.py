"""How long tests wait: for a condition, never for a time, with an end that one factor scales.

`INTURN_TEST_PATIENCE` multiplies every end in this file and every test's own time-out. The ends are generous: a wait
returns at the moment at which its condition holds, so only a failing test ever reaches one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import pytest

T = TypeVar("T")

PATIENCE = float(os.environ.get("INTURN_TEST_PATIENCE", "1"))
"""A machine that is slower or busier than most asks for more than 1."""


def patient(seconds: float) -> float:
    """The end of a wait in seconds, scaled."""
    return seconds * PATIENCE


WAIT_SECONDS = patient(30)
"""When a condition is given up."""
CANCEL_SECONDS = patient(10)
"""When a cancelled task counts as stubborn."""
LEAD_SECONDS = 5.0
"""A test's coroutine ends this long before pytest-timeout would end the test."""


async def until(predicate: Callable[[], T], timeout: float = WAIT_SECONDS, what: str = "") -> T:
    """Returns the first true value of `predicate`, asked every 10 ms.

    Raises AssertionError with `what` was waited for when `timeout` seconds are over.
    """
    deadline = monotonic() + timeout
    while not (value := predicate()):
        assert monotonic() < deadline, f"waited {timeout:g} s in vain for {what or predicate}"
        await asyncio.sleep(0.01)
    return value


async def in_time(work: Awaitable[T]) -> T:
    """What `work` returns. Raises TimeoutError when it takes longer than any wait may."""
    return await asyncio.wait_for(work, WAIT_SECONDS)


def give_time(item: pytest.Item) -> None:
    """Sets how long a test may take: what its mark says, else the run's option, else pyproject.toml; scaled."""
    marked = item.get_closest_marker("timeout")
    given = marked.args[0] if marked else item.config.getoption("timeout", None)
    seconds = patient(float(given or item.config.getini("timeout")))
    item.add_marker(pytest.mark.timeout(seconds), append=False)


def time_of(item: pytest.Item) -> float:
    """How many seconds a test may take, as `give_time` set it."""
    marked = item.get_closest_marker("timeout")
    assert marked is not None
    return float(marked.args[0])
