"""Parses and formats opening hours: `mon-fri 08:00-12:00 13:00-17:00; sat 09:00-12:00`, or `always`. Pure.

Each part has days, then times. `fri-mon` spans the end of the week, `20:00-02:00` spans midnight, `08:00-24:00` ends at
midnight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import time
from itertools import groupby, pairwise
from typing import Any

from core.errors import SetupError

ALWAYS = "always"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_TIMES = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


@dataclass(frozen=True, order=True)
class Period:
    """One opening of a service on a weekday (1 is Monday), in the site's local time.

    A period whose `closes` is at or before `opens` closes on the next day.
    """

    weekday: int
    opens: time
    closes: time

    @property
    def minutes(self) -> int:
        """Length in minutes: 1 to 1440."""
        return (_minute(self.closes) - _minute(self.opens) - 1) % _DAY_MINUTES + 1

    @property
    def starts(self) -> int:
        """Minute of the week at which the period opens, 0 on Monday at 00:00."""
        return (self.weekday - 1) * _DAY_MINUTES + _minute(self.opens)


def parse_hours(text: str) -> tuple[Period, ...]:
    """Parses hours into sorted periods; none means always open. Raises SetupError that names the part and the format."""
    if text.strip().lower() == ALWAYS:
        return ()
    periods = sorted(period for part in text.split(";") for period in _parse_part(part.strip()))
    _refuse_overlap(periods)
    return tuple(periods)


def hours_record(periods: Iterable[Period]) -> list[list[Any]]:
    """Periods as the database's record has them: [weekday, opens, closes], times as "08:00"."""
    return [[period.weekday, f"{period.opens:%H:%M}", f"{period.closes:%H:%M}"] for period in periods]


def hours_text(record: Iterable[Sequence[Any]]) -> str:
    """A record's hours as text for `parse_hours`."""
    return format_hours(
        Period(day, time.fromisoformat(opens), time.fromisoformat(closes)) for day, opens, closes in record
    )


def format_hours(periods: Iterable[Period]) -> str:
    """Formats periods for `parse_hours`; days with the same times share a part."""
    by_day = {day: tuple(group) for day, group in groupby(sorted(periods), key=lambda period: period.weekday)}
    if not by_day:
        return ALWAYS
    days_by_times: dict[str, list[int]] = {}
    for day, openings in by_day.items():
        times = " ".join(_format_times(period) for period in openings)
        days_by_times.setdefault(times, []).append(day)
    return "; ".join(f"{_format_days(days)} {times}" for times, days in days_by_times.items())


def _parse_part(part: str) -> list[Period]:
    if not part:
        raise SetupError(
            "A part of the hours is empty: write them like mon-fri 08:00-12:00; sat 09:00-12:00."
        )
    days, *times = part.lower().replace("–", "-").split()
    if not times:
        raise SetupError(f"“{part}” needs days and then times, like mon-fri 08:00-12:00.")
    weekdays = [day for word in days.split(",") for day in _parse_days(word, part)]
    spans = [_parse_times(word, part) for word in times]
    return [Period(day, opens, closes) for day in weekdays for opens, closes in spans]


def _parse_days(word: str, part: str) -> list[int]:
    first, dash, last = word.partition("-")
    begin, end = _weekday(first, part), _weekday(last if dash else first, part)
    return [(begin + n) % 7 + 1 for n in range((end - begin) % 7 + 1)]


def _weekday(word: str, part: str) -> int:
    if word in DAYS or word in _LONG:
        return DAYS.index(word[:3])
    raise SetupError(f"“{word}” in “{part}” is no day: write mon, tue, wed, thu, fri, sat or sun.")


def _parse_times(word: str, part: str) -> tuple[time, time]:
    found = _TIMES.fullmatch(word)
    if found is None:
        raise SetupError(f"“{word}” in “{part}” is no time: write it like 08:00-12:00.")
    opens, closes = (_time(found[1], found[2]), _time(found[3], found[4], end=True))
    if opens is None or closes is None:
        raise SetupError(f"“{word}” in “{part}” has a time that no clock shows: they go from 00:00 to 24:00.")
    return opens, closes


def _time(hour: str, minute: str, *, end: bool = False) -> time | None:
    if end and (int(hour), int(minute)) == (24, 0):
        return time()
    return time(int(hour), int(minute)) if int(hour) < 24 and int(minute) < 60 else None


def _refuse_overlap(periods: Sequence[Period]) -> None:
    """Raises SetupError if two periods overlap; the last period of the week can overlap the first."""
    starts = [*(period.starts for period in periods), periods[0].starts + _WEEK_MINUTES]
    for period, (start, following) in zip(periods, pairwise(starts), strict=True):
        if start + period.minutes > following:
            opening = f"{DAYS[period.weekday - 1]} {_format_times(period)}"
            raise SetupError(f"“{opening}” overlaps the next opening. Write each time once.")


def _format_times(period: Period) -> str:
    closes = f"{period.closes:%H:%M}" if period.closes != time() else "24:00"
    return f"{period.opens:%H:%M}-{closes}"


def _format_days(days: Sequence[int]) -> str:
    """Formats sorted weekdays: 1, 2, 3, 5 as `mon-wed,fri`."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(DAYS[run[0] - 1] + (f"-{DAYS[run[-1] - 1]}" if len(run) > 1 else "") for run in runs)


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute
