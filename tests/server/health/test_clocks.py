"""When the clocks are trusted with the daily close."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from server.health.clocks import ClockDoubt, ClockReading, Clocks

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def reading(minute: float, wall: float = 0.0, database: float = 0.0, days: int = 0) -> ClockReading:
    """The clocks after some minutes; `wall` and `database`: minutes by which these two are ahead."""
    moment = NOON + timedelta(minutes=minute)
    day = date(2026, 11, 27) + timedelta(days=days)
    return ClockReading(
        60 * minute, moment + timedelta(minutes=wall), moment + timedelta(minutes=database), day
    )


def after(*readings: ClockReading) -> ClockDoubt | None:
    clocks = Clocks()
    for each in readings:
        clocks.read(each)
    return clocks.doubt


def test_clocks_that_agree_are_trusted_from_the_first_reading() -> None:
    assert after(reading(0)) is None
    assert after(reading(0), reading(3, wall=4, database=-0.5), reading(60 * 24, days=1)) is None


@pytest.mark.parametrize("ahead", [-5.5, 5.5, 60 * 24])
def test_a_database_apart_is_doubted(ahead: float) -> None:
    assert after(reading(0, database=ahead)) == ClockDoubt("apart", abs(ahead) * 60, lasts=True)


@pytest.mark.parametrize("step", [-5.5, 5.5, 60 * 24])
def test_a_step_of_both_clocks_is_doubted(step: float) -> None:
    assert after(reading(0), reading(1, wall=step, database=step)) == ClockDoubt(
        "stepped", abs(step) * 60, lasts=True
    )


def test_small_steps_add_up() -> None:
    steps = [reading(n, wall=2 * n, database=2 * n) for n in range(4)]
    assert after(*steps[:3]) is None
    assert after(*steps) is not None


def test_a_skipped_business_day_is_doubted_by_a_running_hub_only() -> None:
    assert after(reading(0, days=3)) is None
    assert after(reading(0), reading(1, days=2)) == ClockDoubt("day", 0.0, lasts=True)


@pytest.mark.parametrize(
    "doubtful", [reading(1, database=9), reading(1, wall=9, database=9), reading(1, days=2)]
)
def test_trust_comes_back_after_ten_minutes(doubtful: ClockReading) -> None:
    ahead = (doubtful.wall - NOON).total_seconds() / 60 - 1
    days = (doubtful.business_day - date(2026, 11, 27)).days
    later = [reading(minute, wall=ahead, database=ahead, days=days) for minute in (2, 6, 10.9, 11)]
    doubt = after(reading(0), doubtful, *later[:3])
    assert doubt is not None
    assert not doubt.lasts
    assert after(reading(0), doubtful, *later) is None


def test_a_clock_that_is_set_back_again_is_doubted_for_longer() -> None:
    readings = [reading(0), reading(1, wall=60, database=60), reading(10), reading(12)]
    assert after(*readings) is not None
    assert after(*readings, reading(20)) is None
