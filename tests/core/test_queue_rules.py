"""Places and waits, as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.queue_rules import STEP_SECONDS, calculate_position_and_wait_time, estimated_wait
from core.tickets import WaitBracket


def test_the_first_in_line_waits_less_than_five_minutes() -> None:
    assert calculate_position_and_wait_time(100, 100, 600, 1) == (1, WaitBracket(0, 300))


def test_a_place_counts_from_the_head() -> None:
    assert calculate_position_and_wait_time(2**40 + 3, 2**40, 600, 2)[0] == 4


def test_nobody_can_say_while_no_counter_is_open() -> None:
    assert estimated_wait(3, 600, 0) is None


@pytest.mark.parametrize(
    ("ahead", "counters", "low", "high"), [(3, 1, 1200, 2700), (3, 2, 300, 1500), (9, 3, 1200, 2400)]
)
def test_brackets_of_a_ten_minute_pace(ahead: int, counters: int, low: int, high: int) -> None:
    bracket = estimated_wait(ahead, 600, counters)
    assert bracket is not None
    assert bracket.low <= ahead * 600 / counters <= bracket.high
    assert abs(bracket.low - low) <= STEP_SECONDS
    assert abs(bracket.high - high) <= STEP_SECONDS


@given(st.integers(0, 500), st.floats(1, 7200), st.integers(1, 20))
def test_a_bracket_is_whole_steps_and_never_a_point(ahead: int, pace: float, counters: int) -> None:
    bracket = estimated_wait(ahead, pace, counters)
    assert bracket is not None
    assert 0 <= bracket.low < bracket.high
    assert bracket.low % STEP_SECONDS == bracket.high % STEP_SECONDS == 0
