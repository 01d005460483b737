"""A clinic whose local time is what a test needs: its time zone is chosen by the hour, so that no test waits for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from server.administration import clinic_settings
from server.administration.opening_hours import DAYS
from tests.support.clinic import Clinic


def change(clinic: Clinic, act: Callable[..., Any], *values: Any) -> Any:
    """What an administrator does on the command line."""
    engine = clinic.engine()
    try:
        return act(engine, *values)
    finally:
        engine.dispose()


class LocalTime:
    """The time at a clinic, which begins at a chosen hour of the day."""

    def __init__(self, clinic: Clinic, hour: int = 12) -> None:
        ahead = (hour - datetime.now(UTC).hour + 12) % 24 - 12
        self.zone = f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
        self._clinic = clinic
        change(clinic, clinic_settings.set_site, {"time_zone": self.zone})

    def now(self, **away: float) -> datetime:
        """Now, or as far away as a timedelta's arguments say."""
        return datetime.now(ZoneInfo(self.zone)) + timedelta(**away)

    def clock(self, **away: float) -> str:
        """HH:MM."""
        return f"{self.now(**away):%H:%M}"

    def day(self, **away: float) -> str:
        """The weekday as hours name it."""
        return DAYS[self.now(**away).weekday()]

    def open_for(self, service: str, opens: dict[str, float], closes: dict[str, float]) -> None:
        """Opens a service today from one time to another, to the second."""
        begin, end = (self.now(**away).time().replace(tzinfo=None) for away in (opens, closes))
        self._clinic.rows(
            "INSERT INTO opening_hours SELECT id, extract(isodow FROM DATE '"
            f"{self.now():%Y-%m-%d}'), '{begin}', '{end}', 0 FROM services WHERE code = '{service}' RETURNING 1"
        )


@contextmanager
def business_days(clinic: Clinic, local: LocalTime) -> Iterator[Callable[[], None]]:
    """The clinic is in yesterday's business day; calling what is yielded begins today's."""
    change(clinic, clinic_settings.set_site, {"day_starts": local.clock(minutes=2)})
    yield lambda: change(clinic, clinic_settings.set_site, {"day_starts": local.clock(minutes=-1)})
