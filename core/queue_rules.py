"""What a place in line means for a patient. Pure: SQL decides the order, this explains it.

The estimate: everybody ahead needs about the service's pace, shared among the counters that serve it. Consultations
vary about as much as they last, so the sum of `n` of them spreads by its mean / sqrt(n); the bracket spans about the
25th to the 80th percentile, in steps of five minutes, and never names a single minute.
"""

from __future__ import annotations

from math import ceil, floor, sqrt

from core.tickets import WaitBracket

STEP_SECONDS = 300
_P25 = -0.674
_P80 = 0.842


def calculate_position_and_wait_time(
    slot: int, head: int, pace_seconds: float, counters_open: int
) -> tuple[int, WaitBracket | None]:
    """The place in line (from 1) of `slot` in a line that starts at `head`, and the likely wait until it is called.

    No estimate when no counter that serves the line is open: nobody can say.
    """
    place = slot - head + 1
    return place, estimated_wait(place - 1, pace_seconds, counters_open)


def estimated_wait(ahead: int, pace_seconds: float, counters_open: int) -> WaitBracket | None:
    """The likely wait of a patient with `ahead` people before them; None when no counter is open."""
    if counters_open < 1:
        return None
    mean = ahead * pace_seconds / counters_open
    spread = mean / sqrt(ahead) if ahead else 0.0
    low = floor((mean + _P25 * spread) / STEP_SECONDS) * STEP_SECONDS
    high = ceil((mean + _P80 * spread) / STEP_SECONDS) * STEP_SECONDS
    return WaitBracket(low=max(low, 0), high=max(high, STEP_SECONDS, low + STEP_SECONDS))
