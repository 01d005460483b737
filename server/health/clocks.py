"""Judges whether the clocks can be trusted with the daily close, which cancels waiting tickets. Pure.

A clock that jumps ahead must not close the day at that moment. The wall clock is compared with the database's and with
the monotonic clock, and the business day with the one before.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

APART_SECONDS = 300.0
"""Difference of two clocks above which neither is trusted."""
AGREED_SECONDS = 600.0
"""Time for which the clocks must have agreed after that."""


class ClockReading(msgspec.Struct, frozen=True):
    """The clocks at one moment.

    Attributes:
        monotonic: seconds of a clock that can't be set and that counts a computer's sleep.
        wall: this computer's time.
        database: the database's time.
        business_day: the site's business day by the database's time.
    """

    monotonic: float
    wall: datetime
    database: datetime
    business_day: date


class ClockDoubt(msgspec.Struct, frozen=True):
    """Why the clocks are not trusted.

    Attributes:
        fault: "apart": hub and database differ; "stepped": this computer's clock was set; "day": the business day
            skipped a day.
        seconds: size of the difference or of the step; of a skipped day 0.
        lasts: whether the clocks still differed at the last reading.
    """

    fault: str
    seconds: float
    lasts: bool


class Clocks:
    """The clocks of one hub, as read one after the other.

    Attributes:
        doubt: why the clocks are not trusted; None if they are.
    """

    def __init__(self) -> None:
        self.doubt: ClockDoubt | None = None
        self._doubted_at = 0.0
        self._before: ClockReading | None = None

    def read(self, now: ClockReading) -> None:
        """Compares a reading with itself and with the first one that agreed with those after it."""
        fault = self._fault(now)
        if fault is not None:
            self.doubt, self._doubted_at = fault, now.monotonic
            self._before = now
        elif self.doubt is not None:
            self.doubt = msgspec.structs.replace(self.doubt, lasts=False)
            if now.monotonic - self._doubted_at >= AGREED_SECONDS:
                self.doubt = None
        if self._before is None:
            self._before = now
        self._before = msgspec.structs.replace(self._before, business_day=now.business_day)

    def _fault(self, now: ClockReading) -> ClockDoubt | None:
        apart = (now.database - now.wall).total_seconds()
        if abs(apart) > APART_SECONDS:
            return ClockDoubt("apart", abs(apart), lasts=True)
        if self._before is None:
            return None
        passed = (now.wall - self._before.wall).total_seconds()
        step = passed - (now.monotonic - self._before.monotonic)
        if abs(step) > APART_SECONDS:
            return ClockDoubt("stepped", abs(step), lasts=True)
        if now.business_day > self._before.business_day + timedelta(days=1):
            return ClockDoubt("day", 0.0, lasts=True)
        return None
