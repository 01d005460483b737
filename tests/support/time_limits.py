"""How long one test may take, scaled by `INTURN_TEST_PATIENCE` as every wait is."""

from __future__ import annotations

import pytest

from tests.support.waiting import patient

LEAD_SECONDS = 5.0
"""A test's coroutine ends this long before pytest-timeout would end the test."""


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
