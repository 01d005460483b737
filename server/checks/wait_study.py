"""How good the wait estimates are: simulated days, what each patient was told, and what came.

Ours is told by the hub's own rule (`core.line.queue_rules`) from a running pace. Beside it stand what many systems tell:
the mean of the last five waits, and the mean of the waits of the last half hour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random
from statistics import fmean, median

from core.errors import SetupError
from core.line.queue_rules import LineWork, estimated_wait, likely_wait, line_loads
from core.line.tickets import WaitBracket
from server.checks.day_simulation import Day, Patient, SimulatedClinic

CONFIGURED_PACE = 600
NEWEST = 200
ENOUGH = 20
OUTLIER = 4
CLOSE = 300.0
LAST_WAITS = 5
RECENT = 1800.0


def running_pace(newest: Sequence[float]) -> tuple[int, int] | None:
    """Pace and spread of consultations, in seconds, exactly as `update_wait_times_atomic` computes them.

    `newest` are the lengths of at most 200 consultations. None while there are fewer than 20.
    """
    if len(newest) < ENOUGH:
        return None
    longest = OUTLIER * median(newest)
    cut = [min(seconds, longest) for seconds in newest]
    pace = fmean(cut)
    return round(pace), round(sqrt(sum((seconds - pace) ** 2 for seconds in cut) / (len(cut) - 1)))


@dataclass(frozen=True)
class Told:
    """What one patient would be told when they join, in seconds; `bracket` and its `mean` are ours."""

    bracket: WaitBracket
    mean: float
    last_waits: float
    recent_waits: float


@dataclass(frozen=True)
class Score:
    """How one way to estimate did.

    Attributes:
        error: mean absolute error in seconds.
        close: the part that was less than five minutes off. holds: the part that waited no longer than told.
    """

    name: str
    error: float
    close: float
    holds: float


@dataclass(frozen=True)
class Study:
    """What came out.

    Attributes:
        waits: how many, their mean, and what nine of ten waited at most; seconds.
        unknown: patients who were told nothing, because no counter was open.
        inside: the part of the waits inside our bracket.
        scores: ours against its middle, ours before rounding, and the two others.
    """

    clinic: SimulatedClinic
    days: int
    waits: int
    mean: float
    nine_of_ten: float
    unknown: int
    inside: float
    scores: tuple[Score, ...]


class _Watch:
    """Follows days as a hub does: keeps the paces, and notes what each patient is told."""

    def __init__(self, services: Iterable[str]) -> None:
        self._lengths: dict[str, deque[float]] = {code: deque(maxlen=NEWEST) for code in services}
        self._paces: dict[str, tuple[float, float | None]] = dict.fromkeys(
            self._lengths, (CONFIGURED_PACE, None)
        )

    def follow(self, day: Day) -> list[tuple[float, Told | None]]:
        """Lets the day pass: how long each patient waited and what they were told, None for nothing."""
        told: dict[Patient, Told | None] = {}
        day.on_completed = self._complete
        day.on_join = lambda patient: told.update({patient: self._estimate(day, patient.service)})
        return [(patient.waited, told[patient]) for patient in day.run()]

    def _complete(self, patient: Patient) -> None:
        assert patient.stays is not None
        lengths = self._lengths[patient.service]
        lengths.append(patient.stays)
        self._paces[patient.service] = running_pace(lengths) or (CONFIGURED_PACE, None)

    def _estimate(self, day: Day, service: str) -> Told | None:
        lines = {code: LineWork(len(line), *self._paces[code]) for code, line in day.lines.items()}
        load = line_loads(lines, day.desks)[service]
        ahead = load.line.waiting
        bracket = estimated_wait(ahead, load)
        if bracket is None:
            return None
        return Told(
            bracket=bracket,
            mean=likely_wait(ahead, load)[0] if ahead >= load.idle else 0.0,
            last_waits=_mean(day.called[-LAST_WAITS:]),
            recent_waits=_mean([called for called in day.called if called.called > day.now - RECENT]),
        )


def study(clinic: SimulatedClinic, days: int, seed: int) -> Study:
    """Simulates days, one after the other: the paces go on from day to day, as in a database.

    Raises SetupError when nobody came who could be told a wait.
    """
    random, watch = Random(seed), _Watch(clinic.services)
    everybody = [one for _ in range(days) for one in watch.follow(Day(clinic, random))]
    outcomes = [(waited, told) for waited, told in everybody if told is not None]
    if not outcomes:
        raise SetupError("Nobody came who could be told a wait. Try more days or a higher load.")
    waits = sorted(waited for waited, _ in outcomes)
    return Study(
        clinic=clinic,
        days=days,
        waits=len(waits),
        mean=fmean(waits),
        nine_of_ten=waits[int(0.9 * len(waits))],
        unknown=len(everybody) - len(waits),
        inside=fmean(told.bracket.low <= waited <= told.bracket.high for waited, told in outcomes),
        scores=(
            _score("InTurn, middle of the bracket", outcomes, _middle, lambda told: told.bracket.high),
            _score("InTurn, before rounding", outcomes, lambda told: told.mean),
            _score("mean of the last 5 waits", outcomes, lambda told: told.last_waits),
            _score("mean of 30 minutes' waits", outcomes, lambda told: told.recent_waits),
        ),
    )


def report(found: Study) -> str:
    """A table and a sentence."""
    ours, unrounded, *others = found.scores
    best = min(score.error for score in others)
    better = (
        "better than both others"
        if max(ours.error, unrounded.error) < best
        else "NOT better than both others"
    )
    minutes = f"{found.mean / 60:.1f} min on average, nine of ten at most {found.nine_of_ten / 60:.0f} min"
    return "\n".join(
        (
            f"{found.days} days, {len(found.clinic.counters)} counters, load {found.clinic.load:g}: "
            f"{found.waits} waits, {minutes}.",
            "",
            f"{'told at the door':<32}{'mean error':>12}{'within 5 min':>14}{'no longer than told':>21}",
            *(
                f"{score.name:<32}{score.error / 60:>8.1f} min{score.close:>14.0%}{score.holds:>21.0%}"
                for score in found.scores
            ),
            "",
            f"{ours.holds:.0%} waited no longer than the bracket's upper end, "
            f"{found.inside:.0%} as long as the bracket says. "
            f"The estimate is {unrounded.error / 60:.1f} min off on average, "
            f"the bracket's middle {ours.error / 60:.1f} min: {better}.",
        )
    )


def _middle(told: Told) -> float:
    return (told.bracket.low + told.bracket.high) / 2


def _score(
    name: str,
    outcomes: Sequence[tuple[float, Told]],
    guess: Callable[[Told], float],
    promise: Callable[[Told], float] | None = None,
) -> Score:
    errors = [abs(waited - guess(told)) for waited, told in outcomes]
    holds = fmean(waited <= (promise or guess)(told) for waited, told in outcomes)
    return Score(name, fmean(errors), fmean(error <= CLOSE for error in errors), holds)


def _mean(called: Sequence[Patient]) -> float:
    return fmean(patient.waited for patient in called) if called else 0.0
