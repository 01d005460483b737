"""How long things take to be well again: measured by tests, told as a table at the end of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

RECOVERY = "recovery"


@dataclass
class RecoveryTimes:
    """What one test measured.

    Attributes:
        properties: the test's own, which go with its report from whichever process ran it.
    """

    properties: list[tuple[str, object]]

    def note(self, what: str, goal: float, seconds: float) -> None:
        """Keeps a time. AssertionError when it is beyond the goal."""
        self.properties.append((RECOVERY, f"{what:<60} {seconds:6.2f} s   goal {goal:g} s"))
        assert seconds <= goal, f"{what}: {seconds:.1f} s, the goal is {goal:g} s"


def table_of(reports: Iterable[pytest.TestReport]) -> list[str]:
    """One line for each time that the reported tests noted."""
    called = [report for report in reports if report.when == "call"]
    return [str(line) for report in called for name, line in report.user_properties if name == RECOVERY]
