"""How many patients are called before a ticket."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from random import Random

import pytest

from core.line.queue_ahead import tickets_ahead, waiting_ahead
from core.line.queue_rules import calling_order, rank
from core.line.tickets import CounterSummary, Ticket
from tests.support.builders import NOW, make_ticket

Lines = dict[str, list[Ticket]]


def counter(services: str, **members: object) -> CounterSummary:
    return CounterSummary(code="R1", name="Room 1", services=tuple(services), **members)  # type: ignore[arg-type]


def line(service: str, *classes_and_minutes: tuple[int, int]) -> list[Ticket]:
    """A line of tickets with these ranks."""
    return [
        make_ticket(
            f"{service}{place:03}",
            position=place,
            rank_class=rank_class,
            rank_time=NOW + timedelta(minutes=minutes),
        )
        for place, (rank_class, minutes) in enumerate(classes_and_minutes, 1)
    ]


def ahead(ticket: Ticket, counters: list[CounterSummary], lines: Lines) -> int | None:
    def up_to(service: str, bound: tuple[int, datetime]) -> int:
        return bisect_right(lines.get(service, []), bound, key=rank)

    return tickets_ahead(ticket, counters, up_to)


def test_the_only_counter_serves_another_line_first() -> None:
    """B001 is first in its line, and not next."""
    lines = {"A": line("A", *[(1, n) for n in range(8)]), "B": line("B", (1, 30))}
    assert ahead(lines["B"][0], [counter("AB")], lines) == 8
    assert ahead(lines["A"][0], [counter("AB")], lines) == 0
    assert ahead(lines["B"][0], [counter("AB"), counter("B")], lines) == 8


@pytest.mark.parametrize("counters", [[], [counter("A")], [counter("AB", state="paused")]])
def test_nothing_is_known_where_no_counter_is_open(counters: list[CounterSummary]) -> None:
    lines = {"B": line("B", (1, 0))}
    assert ahead(lines["B"][0], counters, lines) is None
    assert waiting_ahead("B", counters, {"B": 1}) is None


def test_a_ticket_that_does_not_wait_has_none_ahead_of_it() -> None:
    assert ahead(make_ticket("A001", position=None), [counter("A")], {}) is None


def test_a_patient_who_joins_now_is_behind_all_that_wait() -> None:
    counters = [counter("AB"), counter("AC", state="closed"), counter("BD")]
    assert waiting_ahead("A", counters, {"A": 2, "B": 3, "C": 50, "D": 100}) == 5
    assert waiting_ahead("B", counters, {"A": 2, "B": 3, "C": 50, "D": 100}) == 105


@pytest.mark.parametrize("rule", ["best_rank", "in_order"])
@pytest.mark.parametrize("seed", range(20))
def test_the_number_is_the_place_in_the_order_of_calls(rule: str, seed: int) -> None:
    """At one counter exactly, with any lines."""
    random = Random(seed)
    lines = {
        code: line(code, *sorted((random.randrange(3), random.randrange(90)) for _ in range(6)))
        for code in "ABC"
    }
    desk = counter("CAB", rule=rule)
    order = list(calling_order([lines[code] for code in desk.services], rule == "in_order"))
    for place, ticket in enumerate(order):
        found = ahead(ticket, [desk], lines)
        assert found is not None
        equal = [other for other in order[place:] if rank(other) == rank(ticket)]
        assert place <= found <= place + len(equal) - 1
