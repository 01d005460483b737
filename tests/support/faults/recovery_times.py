"""Recovery times: tests measure them, and the end of the run prints them as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

RECOVERY = "recovery"


@dataclass
class RecoveryTimes:
    """The recovery times of a test.

    Attributes:
        properties: the test's `user_properties`, which its report carries from the process that ran it.
    """

    properties: list[tuple[str, object]]

    def note(self, what: str, goal: float, seconds: float) -> None:
        """Records a time. Raises AssertionError when it is above the goal."""
        self.properties.append((RECOVERY, f"{what:<60} {seconds:6.2f} s   goal {goal:g} s"))
        assert seconds <= goal, f"{what}: {seconds:.1f} s, the goal is {goal:g} s"


def table_of(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Returns a line for each recorded time."""
    called = [report for report in reports if report.when == "call"]
    return [str(line) for report in called for name, line in report.user_properties if name == RECOVERY]
