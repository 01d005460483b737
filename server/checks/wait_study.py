"""Compares wait estimates with the real waits on simulated days.

InTurn's estimate comes from the hub's own rule (`core.line.queue_rules`) and a running pace. It is compared with two
estimates that are common elsewhere: the mean of the last 5 waits, and the mean of the waits of the last 30 minutes.
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
"""Seconds a consultation, until `ENOUGH` consultations are measured."""
NEWEST = 200
ENOUGH = 20
OUTLIER = 4
"""Longer consultations are cut to this multiple of the median."""
CLOSE = 300.0
LAST_WAITS = 5
RECENT = 1800.0


def running_pace(newest: Sequence[float]) -> tuple[int, int] | None:
    """Mean and standard deviation of consultations in seconds, as `update_wait_times_atomic` computes them.

    `newest` has the lengths in seconds of at most `NEWEST` consultations. None if they are fewer than `ENOUGH`.
    """
    if len(newest) < ENOUGH:
        return None
    longest = OUTLIER * median(newest)
    cut = [min(seconds, longest) for seconds in newest]
    pace = fmean(cut)
    return round(pace), round(sqrt(sum((seconds - pace) ** 2 for seconds in cut) / (len(cut) - 1)))


@dataclass(frozen=True)
class Estimates:
    """The estimates for one patient at the time of joining, in seconds.

    Attributes:
        bracket, mean: InTurn's estimate, rounded and before rounding.
        last_waits: mean of the last `LAST_WAITS` waits.
        recent_waits: mean of the waits of the last `RECENT` seconds.
    """

    bracket: WaitBracket
    mean: float
    last_waits: float
    recent_waits: float


@dataclass(frozen=True)
class Score:
    """The quality of one estimate.

    Attributes:
        name: as shown in the report.
        error: mean absolute error in seconds.
        close: fraction of the waits at most `CLOSE` seconds off the estimate.
        holds: fraction of the waits no longer than estimated.
    """

    name: str
    error: float
    close: float
    holds: float


@dataclass(frozen=True)
class Study:
    """The result of a study.

    Attributes:
        clinic, days: the simulated clinic and number of days.
        waits: number of waits with an estimate.
        mean, nine_of_ten: mean and 90th percentile of these waits in seconds.
        unknown: number of patients without an estimate, because no counter was open.
        inside: fraction of the waits inside InTurn's bracket.
        scores: of the bracket's middle, of InTurn's estimate before rounding, and of the two other estimates.
    """

    clinic: SimulatedClinic
    days: int
    waits: int
    mean: float
    nine_of_ten: float
    unknown: int
    inside: float
    scores: tuple[Score, ...]


class _Estimator:
    """Measures the paces and estimates each patient's wait during simulated days, as a hub does."""

    def __init__(self, services: Iterable[str]) -> None:
        self._lengths: dict[str, deque[float]] = {code: deque(maxlen=NEWEST) for code in services}
        self._paces: dict[str, tuple[float, float | None]] = dict.fromkeys(
            self._lengths, (CONFIGURED_PACE, None)
        )

    def follow(self, day: Day) -> list[tuple[float, Estimates | None]]:
        """Runs the day; returns each patient's wait in seconds and estimates, None while no counter was open."""
        estimates: dict[Patient, Estimates | None] = {}
        day.on_completed = self._complete
        day.on_join = lambda patient: estimates.update({patient: self._estimate(day, patient.service)})
        return [(patient.waited, estimates[patient]) for patient in day.run()]

    def _complete(self, patient: Patient) -> None:
        assert patient.consultation is not None
        lengths = self._lengths[patient.service]
        lengths.append(patient.consultation)
        self._paces[patient.service] = running_pace(lengths) or (CONFIGURED_PACE, None)

    def _estimate(self, day: Day, service: str) -> Estimates | None:
        lines = {code: LineWork(len(line), *self._paces[code]) for code, line in day.lines.items()}
        load = line_loads(lines, day.open_counters)[service]
        ahead = load.line.waiting
        bracket = estimated_wait(ahead, load)
        if bracket is None:
            return None
        return Estimates(
            bracket=bracket,
            mean=likely_wait(ahead, load)[0] if ahead >= load.idle else 0.0,
            last_waits=_mean(day.called[-LAST_WAITS:]),
            recent_waits=_mean([called for called in day.called if called.called > day.now - RECENT]),
        )


def study(clinic: SimulatedClinic, days: int, seed: int) -> Study:
    """Simulates days in sequence; the paces carry over from day to day, as in a database.

    Raises SetupError if no patient got an estimate.
    """
    random, estimator = Random(seed), _Estimator(clinic.services)
    patients = [patient for _ in range(days) for patient in estimator.follow(Day(clinic, random))]
    outcomes = [(waited, estimates) for waited, estimates in patients if estimates is not None]
    if not outcomes:
        raise SetupError("No patient got an estimate. Try more days or a higher load.")
    waits = sorted(waited for waited, _ in outcomes)
    return Study(
        clinic=clinic,
        days=days,
        waits=len(waits),
        mean=fmean(waits),
        nine_of_ten=waits[int(0.9 * len(waits))],
        unknown=len(patients) - len(waits),
        inside=fmean(
            estimates.bracket.low <= waited <= estimates.bracket.high for waited, estimates in outcomes
        ),
        scores=(
            _score(
                "InTurn, middle of the bracket", outcomes, _middle, lambda estimates: estimates.bracket.high
            ),
            _score("InTurn, before rounding", outcomes, lambda estimates: estimates.mean),
            _score("mean of the last 5 waits", outcomes, lambda estimates: estimates.last_waits),
            _score("mean of 30 minutes' waits", outcomes, lambda estimates: estimates.recent_waits),
        ),
    )


def report(found: Study) -> str:
    """Formats a study as a table and a sentence."""
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


def _middle(estimates: Estimates) -> float:
    return (estimates.bracket.low + estimates.bracket.high) / 2


def _score(
    name: str,
    outcomes: Sequence[tuple[float, Estimates]],
    estimate: Callable[[Estimates], float],
    upper_end: Callable[[Estimates], float] | None = None,
) -> Score:
    errors = [abs(waited - estimate(estimates)) for waited, estimates in outcomes]
    holds = fmean(waited <= (upper_end or estimate)(estimates) for waited, estimates in outcomes)
    return Score(name, fmean(errors), fmean(error <= CLOSE for error in errors), holds)


def _mean(called: Sequence[Patient]) -> float:
    return fmean(patient.waited for patient in called) if called else 0.0
