"""Time-outs of tests, scaled by `INTURN_TEST_PATIENCE` like every wait."""

from __future__ import annotations

import pytest

from tests.support.waiting import patient

LEAD_SECONDS = 5.0
"""A test's coroutine is cancelled this long before pytest-timeout ends the test."""


def set_timeout(item: pytest.Item) -> None:
    """Sets a test's time-out: of its mark, else of the command line, else of pyproject.toml; scaled."""
    marked = item.get_closest_marker("timeout")
    given = marked.args[0] if marked else item.config.getoption("timeout", None)
    seconds = patient(float(given or item.config.getini("timeout")))
    item.add_marker(pytest.mark.timeout(seconds), append=False)


def timeout_of(item: pytest.Item) -> float:
    """A test's time-out in seconds, as `set_timeout` set it."""
    marked = item.get_closest_marker("timeout")
    assert marked is not None
    return float(marked.args[0])
