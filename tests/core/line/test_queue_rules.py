"""Queue rules as pure functions: places, wait brackets, and the order of calls."""

from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.line.queue_rules import (
    STEP_SECONDS,
    LineLoad,
    LineWork,
    OpenCounter,
    calculate_position_and_wait_time,
    calling_order,
    estimated_wait,
    likely_wait,
    line_loads,
)
from core.line.tickets import Ticket, WaitBracket
from tests.support.reference_line import START, ticket_in_line

MINUTE = 60


def line(waiting: int, minutes: float = 10, spread: float | None = None) -> LineWork:
    return LineWork(waiting, minutes * MINUTE, spread)


def busy(*services: str) -> OpenCounter:
    """A counter that serves a patient of its first service."""
    return OpenCounter(frozenset(services), services[0])


def idle(*services: str) -> OpenCounter:
    return OpenCounter(frozenset(services))


def mean_wait(service: str, lines: dict[str, LineWork], *desks: OpenCounter) -> float:
    """Returns the mean wait in minutes of a patient who joins now."""
    load = line_loads(lines, desks)[service]
    return likely_wait(load.line.waiting, load)[0] / MINUTE


def test_a_place_counts_from_the_head() -> None:
    load = line_loads({"A": line(4)}, [busy("A")])["A"]
    assert calculate_position_and_wait_time(2**40 + 3, 2**40, load)[0] == 4


def test_there_is_no_estimate_while_no_counter_serves_the_line() -> None:
    load = line_loads({"A": line(3), "B": line(1)}, [busy("B")])["A"]
    assert calculate_position_and_wait_time(3, 1, load) == (3, None)


def test_an_idle_counter_means_no_wait() -> None:
    load = line_loads({"A": line(0)}, [busy("A"), idle("A")])["A"]
    assert estimated_wait(0, load) == WaitBracket(0, STEP_SECONDS)


def test_the_rest_of_the_consultations_is_added_when_every_counter_is_busy() -> None:
    assert mean_wait("A", {"A": line(0)}, busy("A")) == pytest.approx(7)
    assert mean_wait("A", {"A": line(0)}, busy("A"), busy("A")) == pytest.approx(3.5)
    assert mean_wait("A", {"A": line(2)}, busy("A"), busy("A")) == pytest.approx(13.5)


@pytest.mark.parametrize(
    ("ahead", "counters", "minutes"),
    [
        (0, 1, (0, 15)),
        (1, 1, (5, 30)),
        (3, 1, (25, 55)),
        (0, 3, (0, 5)),
        (1, 3, (0, 10)),
        (3, 3, (5, 20)),
        (10, 3, (25, 45)),
        (30, 3, (90, 115)),
    ],
)
def test_brackets_of_a_ten_minute_pace(ahead: int, counters: int, minutes: tuple[int, int]) -> None:
    load = line_loads({"A": line(ahead)}, [busy("A")] * counters)["A"]
    assert estimated_wait(ahead, load) == WaitBracket(minutes[0] * MINUTE, minutes[1] * MINUTE)


def test_a_measured_spread_narrows_the_bracket() -> None:
    guessed, measured = ({"A": line(9, spread=spread)} for spread in (None, 60.0))
    wide = estimated_wait(9, line_loads(guessed, [busy("A")])["A"])
    narrow = estimated_wait(9, line_loads(measured, [busy("A")])["A"])
    assert wide == WaitBracket(80 * MINUTE, 120 * MINUTE)
    assert narrow == WaitBracket(90 * MINUTE, 105 * MINUTE)


def test_lines_at_other_counters_do_not_matter() -> None:
    lines = {"A": line(2), "B": line(50)}
    assert mean_wait("A", lines, idle("A"), busy("B")) == 20


def test_lines_that_share_every_counter_wait_equally() -> None:
    lines = {"A": line(2, 5), "B": line(2, 10)}
    waits = [mean_wait(service, lines, *[busy("A", "B")] * 3) for service in "AB"]
    assert waits == pytest.approx([10 + 3.5 / 3] * 2)


def test_a_dedicated_counter_shortens_the_wait_of_lines_at_the_shared_counters() -> None:
    lines = {"A": line(12, 5), "B": line(3, 10)}
    desks = busy("A", "B"), busy("A", "B"), busy("A")
    assert (
        mean_wait("A", lines, *desks) - mean_wait("A", lines | {"A": line(0, 5), "B": line(0)}, *desks) == 30
    )
    assert line_loads(lines, desks)["B"].pool == 3


def test_a_short_line_with_counters_of_its_own_does_not_wait_for_the_long_line() -> None:
    lines = {"A": line(1), "B": line(10)}
    desks = busy("B", "A"), busy("B", "A"), idle("A")
    assert mean_wait("A", lines, *desks) == pytest.approx(10)
    assert mean_wait("B", lines, *desks) == pytest.approx(53.5)


def test_the_part_of_other_lines_that_is_ahead_grows_with_the_place() -> None:
    load = line_loads({"A": line(4), "B": line(40)}, [busy("A", "B")])["A"]
    brackets = [calculate_position_and_wait_time(place, 1, load)[1] for place in (1, 2, 4, 5)]
    assert [bracket.low for bracket in brackets if bracket] == sorted(
        bracket.low for bracket in brackets if bracket
    )
    assert brackets[3] == estimated_wait(4, load)
    assert brackets[0] is not None
    assert brackets[0].high <= 3 * 3600 < 6 * 3600 <= brackets[3].low  # type: ignore[union-attr]


@given(
    st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 50), min_size=1),
    st.lists(st.frozensets(st.sampled_from("ABCDEF"), min_size=1), max_size=6),
    st.integers(1, 7200),
)
def test_any_clinic_has_brackets_of_whole_steps(
    waiting: dict[str, int], serves: list[frozenset[str]], pace: int
) -> None:
    lines = {code: LineWork(ahead, pace) for code, ahead in waiting.items()}
    desks = [OpenCounter(services, min(services)) for services in serves]
    for code, own in lines.items():
        bracket = estimated_wait(own.waiting, line_loads(lines, desks)[code])
        assert (bracket is None) == (not any(code in services for services in serves))
        if bracket is not None:
            assert 0 <= bracket.low < bracket.high
            assert bracket.low % STEP_SECONDS == bracket.high % STEP_SECONDS == 0


def fair_waits(work: dict[str, float], serves: list[frozenset[str]]) -> dict[str, float]:
    """Waits by brute force: the slowest set of lines shares its counters evenly, the other lines share the rest."""
    sets = [frozenset(subset) for size in range(1, len(work) + 1) for subset in combinations(work, size)]
    slowest, wait, size = frozenset[str](), -1.0, 0
    for subset in sets:
        share = sum(work[code] for code in subset) / sum(bool(subset & services) for services in serves)
        if (share, len(subset)) > (wait, size):
            slowest, wait, size = subset, share, len(subset)
    rest = {code: own for code, own in work.items() if code not in slowest}
    left = [services for services in serves if not services & slowest]
    return dict.fromkeys(slowest, wait) | (fair_waits(rest, left) if rest else {})


@given(
    st.fixed_dictionaries({code: st.integers(0, 50) for code in "ABC"}),
    st.lists(st.frozensets(st.sampled_from("ABC"), min_size=1), min_size=1, max_size=6),
)
def test_counters_share_the_work_as_evenly_as_they_can(
    waiting: dict[str, int], serves: list[frozenset[str]]
) -> None:
    served = frozenset[str]().union(*serves)
    lines = {code: LineWork(ahead, 1) for code, ahead in waiting.items()}
    loads = {code: line_loads(lines, [OpenCounter(services) for services in serves])[code] for code in served}
    waits = {code: likely_wait(waiting[code], load)[0] for code, load in loads.items()}
    assert waits == pytest.approx(fair_waits({code: lines[code].work for code in served}, serves))


@given(st.integers(0, 500), st.floats(1, 7200), st.integers(1, 20))
def test_more_people_ahead_never_shorten_a_wait(ahead: int, pace: float, counters: int) -> None:
    load = LineLoad(LineWork(ahead + 1, pace), counters=counters, pool=counters, under_way=pace)
    shorter, longer = estimated_wait(ahead, load), estimated_wait(ahead + 1, load)
    assert shorter is not None
    assert longer is not None
    assert (shorter.low <= longer.low) & (shorter.high <= longer.high)


def _ranked(number: int, rank_class: int, minute: int) -> Ticket:
    return ticket_in_line(number, rank_class=rank_class, rank_time=START + timedelta(minutes=minute))


def test_a_counter_calls_the_best_rank_of_its_lines() -> None:
    first, second = [_ranked(1, 0, 5), _ranked(2, 1, 3)], [_ranked(3, 1, 1), _ranked(4, 1, 4)]
    assert [t.number for t in calling_order([first, second], False)] == ["A001", "A003", "A002", "A004"]


def test_a_counter_in_order_calls_its_first_service_first() -> None:
    first, second = [_ranked(1, 1, 5)], [_ranked(3, 0, 9), _ranked(4, 1, 4)]
    assert [t.number for t in calling_order([first, second], True)] == ["A003", "A001", "A004"]
