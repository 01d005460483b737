"""The bench's figures, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter


@dataclass(frozen=True)
class Spread:
    """The median of many values and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Computes the spread of at least two values."""
        low, median, high = quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def __str__(self) -> str:
        digits = 0 if self.median >= 100 else 2
        if self.low == self.high:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


@dataclass(frozen=True)
class Figure:
    """A measured subject and, if any, the reference measured in turn in the same run.

    Attributes:
        subject, reference: in `unit`; `ratio` is the ratio of their medians.
        at_most, at_least: the goal for the ratio; both None: no goal.
        note: printed below the table.
    """

    what: str
    unit: str
    subject: Spread
    against: str = ""
    reference: Spread | None = None
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Subject to reference; None without a reference."""
        return self.subject.median / self.reference.median if self.reference else None

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None without a goal."""
        if self.ratio is None or (self.at_most is None and self.at_least is None):
            return None
        return (self.at_most is None or self.ratio <= self.at_most) and (
            self.at_least is None or self.ratio >= self.at_least
        )

    @property
    def goal(self) -> str:
        """The goal as it is printed."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""


def p99(values: Sequence[float]) -> float:
    """Returns the 99th percentile."""
    return quantiles(values, n=100, method="inclusive")[98]


def milliseconds(run: Callable[[], object]) -> float:
    """Returns the milliseconds that a call takes."""
    started = perf_counter()
    run()
    return (perf_counter() - started) * 1000


def in_turn(rounds: int, *timed: Callable[[], float]) -> list[Spread]:
    """Runs the functions in turn, after some rounds to warm up; returns the spread of the times each returned."""
    times: list[list[float]] = [[] for _ in timed]
    for number in range(-max(rounds // 10, 1), rounds):
        for values, run in zip(times, timed, strict=True):
            value = run()
            if number >= 0:
                values.append(value)
    return [Spread.of(values) for values in times]


def table(figures: Sequence[Figure]) -> str:
    """Returns a line per figure: medians with the quartiles around them, the ratio, the goal, and whether it was met."""
    header = ("what", "", "", "against", "", "ratio", "goal", "met")
    rows = [header, *map(_cells, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join((*lines, *(f"  {figure.what}: {figure.note}" for figure in figures if figure.note)))


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        str(figure.subject),
        figure.unit,
        figure.against,
        str(figure.reference or ""),
        "" if figure.ratio is None else f"× {figure.ratio:.2f}",
        figure.goal,
        "" if figure.met is None else "yes" if figure.met else "NO",
    )


def write(figures: Sequence[Figure], file: Path) -> None:
    """Writes the figures as JSON."""
    derived = [{"ratio": f.ratio, "goal": f.goal, "met": f.met} for f in figures]
    content = [asdict(figure) | more for figure, more in zip(figures, derived, strict=True)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False), "utf-8")
