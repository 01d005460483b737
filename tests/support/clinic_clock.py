"""A clinic with the local time that a test needs: its time zone is chosen by the hour, so that no test waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from server.administration import clinic_settings
from server.administration.opening_hours import DAYS
from tests.support.clinic import Clinic


def change(clinic: Clinic, function: Callable[..., Any], *values: Any) -> Any:
    """Calls an administration function, as the command line does."""
    engine = clinic.engine()
    try:
        return function(engine, *values)
    finally:
        engine.dispose()


class LocalTime:
    """The local time of a clinic, whose time zone is set so that it is now `hour` o'clock."""

    def __init__(self, clinic: Clinic, hour: int = 12) -> None:
        ahead = (hour - datetime.now(UTC).hour + 12) % 24 - 12
        self.zone = f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
        self._clinic = clinic
        change(clinic, clinic_settings.set_site, {"time_zone": self.zone})

    def now(self, **shift: float) -> datetime:
        """The local time, shifted by the arguments of a timedelta."""
        return datetime.now(ZoneInfo(self.zone)) + timedelta(**shift)

    def clock(self, **shift: float) -> str:
        """The local time as HH:MM."""
        return f"{self.now(**shift):%H:%M}"

    def day(self, **shift: float) -> str:
        """The weekday as in opening hours, e.g. "mon"."""
        return DAYS[self.now(**shift).weekday()]

    def open_for(self, service: str, opens: dict[str, float], closes: dict[str, float]) -> None:
        """Opens a service today between two times (shifts as in `now`), to the second."""
        begin, end = (self.now(**shift).time().replace(tzinfo=None) for shift in (opens, closes))
        self._clinic.rows(
            "INSERT INTO opening_hours SELECT id, extract(isodow FROM DATE '"
            f"{self.now():%Y-%m-%d}'), '{begin}', '{end}', 0 FROM services WHERE code = '{service}' RETURNING 1"
        )


def end_today(clinic: Clinic, local: LocalTime) -> None:
    """Makes the schedule end today's business day a minute ago, as if it had been set yesterday."""
    change(clinic, clinic_settings.set_site, {"day_closes": local.clock(minutes=-1)})
    clinic.rows("UPDATE settings SET closed_day = closed_day - 1 RETURNING 1")


@contextmanager
def business_days(clinic: Clinic, local: LocalTime) -> Iterator[Callable[[], None]]:
    """Sets the clinic to yesterday's business day; the yielded function begins today's."""
    change(clinic, clinic_settings.set_site, {"day_starts": local.clock(minutes=2)})
    yield lambda: change(clinic, clinic_settings.set_site, {"day_starts": local.clock(minutes=-1)})
