"""Opening hours as text: parsed, formatted, and refused in a sentence."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SetupError
from server.administration.opening_hours import Period, format_hours, parse_hours

QUARTERS = st.integers(0, 7 * 96 - 1)


def moment(quarter: int) -> time:
    """The time of day at a quarter hour, counted from the start of the week."""
    return time(quarter % 96 // 4, quarter % 4 * 15)


@st.composite
def weeks(draw: st.DrawFn) -> tuple[Period, ...]:
    """Any week without overlaps: an opening lasts until the next at most, and no longer than a day."""
    starts = sorted(draw(st.sets(QUARTERS, max_size=20)))
    periods = []
    for start, following in zip(starts, [*starts[1:], *(s + 7 * 96 for s in starts[:1])], strict=True):
        end = start + draw(st.integers(1, min(96, following - start)))
        periods.append(Period(start // 96 + 1, moment(start), moment(end)))
    return tuple(periods)


@given(weeks())
def test_formatted_hours_are_parsed_to_the_same(periods: tuple[Period, ...]) -> None:
    assert parse_hours(format_hours(periods)) == periods


@given(st.text("mon-frisat ,;:0123489–", max_size=40))
def test_any_text_is_parsed_or_refused_in_a_sentence(text: str) -> None:
    sentence = None
    try:
        periods = parse_hours(text)
    except SetupError as refused:
        sentence = refused.message
    if sentence is None:
        assert parse_hours(format_hours(periods)) == periods
    else:
        assert sentence.endswith(".")
        assert "\n" not in sentence


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("mon-fri 08:00-12:00 13:00-17:00; sat 09:00-12:00", None),
        ("Always", "always"),
        ("fri-mon 8:00-24:00", "mon,fri-sun 08:00-24:00"),
        ("Wednesday,mon 20:00–02:00", "mon,wed 20:00-02:00"),
        ("mon 13:00-17:00; mon 08:00-12:00", "mon 08:00-12:00 13:00-17:00"),
        ("mon-sun 00:00-24:00", None),
        ("sun 22:00-02:00; mon 02:00-04:00", "mon 02:00-04:00; sun 22:00-02:00"),
    ],
)
def test_hours_are_formatted_in_their_usual_form(typed: str, written: str | None) -> None:
    assert format_hours(parse_hours(typed)) == (written or typed)


def test_a_period_may_last_a_whole_day() -> None:
    assert [period.minutes for period in parse_hours("mon 00:00-24:00; tue 08:00-08:00")] == [1440, 1440]
    assert parse_hours("mon 20:00-02:00")[0].minutes == 360


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "A part of the hours is empty"),
        ("mon 08:00-12:00;", "A part of the hours is empty"),
        ("sat", "“sat” needs days and then times"),
        ("sat 9-12", "“9-12” in “sat 9-12” is no time: write it like 08:00-12:00."),
        ("sat 12:00-09:60", "has a time that no clock shows"),
        ("sat 24:00-09:00", "has a time that no clock shows"),
        ("mo 08:00-12:00", "“mo” in “mo 08:00-12:00” is no day: write mon,"),
        ("mon 08:00-12:00; sot 09:00-10:00", "“sot” in “sot 09:00-10:00” is no day"),
        ("mon 08:00-12:00 11:00-13:00", "“mon 08:00-12:00” overlaps the next opening."),
        ("sun 22:00-03:00; mon 02:00-04:00", "“sun 22:00-03:00” overlaps the next opening."),
        ("mon 08:00-12:00; mon 08:00-12:00", "overlaps"),
    ],
)
def test_a_mistake_in_the_hours_is_named(typed: str, sentence: str) -> None:
    with pytest.raises(SetupError) as refused:
        parse_hours(typed)
    assert sentence in refused.value.message
