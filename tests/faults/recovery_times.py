"""How long things take to be well again: measured by tests, told as a table at the end of the run."""

from __future__ import annotations

from dataclasses import dataclass, field

SLACK = 5
"""A busy machine may take so many times as long as the goal before a test fails."""


@dataclass
class RecoveryTimes:
    """What was measured in this run: seconds by what was waited for, and the goal."""

    rows: list[tuple[str, float, float]] = field(default_factory=list)

    def note(self, what: str, goal: float, seconds: float) -> None:
        """Keeps a time. AssertionError when it is far beyond the goal."""
        self.rows.append((what, goal, seconds))
        assert seconds <= goal * SLACK, f"{what}: {seconds:.1f} s, the goal is {goal:g} s"

    def table(self) -> list[str]:
        """One line for each."""
        return [f"{what:<60} {seconds:6.2f} s   goal {goal:g} s" for what, goal, seconds in self.rows]
