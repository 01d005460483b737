"""Numbers and lines of the earlier version in InTurn's form, without a database."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.schema.legacy.numbers import Line, Number, Numbered, assign_numbers, choose_prefixes, read_number
from server.schema.legacy.repairs import placed_by_hand

DAY = date(2026, 11, 20)
LATER = date(2026, 11, 21)


def tickets(*written: tuple[Line, str] | tuple[Line, str, date]) -> list[Numbered]:
    """Tickets of a service, with a number and a day (default: `DAY`); their ids count from 1."""
    return [
        Numbered(ticket, line, day[0] if day else DAY, read_number(number))
        for ticket, (line, number, *day) in enumerate(written, start=1)
    ]


def assigned(*written: tuple[Line, str] | tuple[Line, str, date]) -> list[str]:
    """The numbers that the tickets get; services 1, 2 and the missing service have the prefixes G, B and X."""
    got = assign_numbers(tickets(*written), {1: "G", 2: "B", None: "X"})
    return [got[ticket].text for ticket in range(1, len(written) + 1)]


@pytest.mark.parametrize(
    ("written", "text"),
    [("G001", "G001"), (" g-7 ", "G007"), ("ABC 0012", "ABC012"), ("G123456", "G123456"), ("G000", "G000")],
)
def test_a_number_is_read_in_any_case_and_length(written: str, text: str) -> None:
    number = read_number(written)
    assert number is not None
    assert number.text == text


@pytest.mark.parametrize("written", [None, "", " ", "G", "007", "ABCD1", "G1234567", "Ä1", "G١", "G1\n2"])
def test_text_in_another_form_is_no_number(written: str | None) -> None:
    assert read_number(written) is None


def test_of_equal_numbers_the_earlier_ticket_keeps_it_and_the_later_gets_a_free_number() -> None:
    assert assigned((1, "G001"), (1, "G003"), (1, "G003"), (1, "G005"), (1, "G003")) == [
        "G001", "G003", "G004", "G005", "G006",
    ]  # fmt: skip
    assert assigned((1, "G001"), (1, "G001", LATER), (2, "B001")) == ["G001", "G001", "B001"]


def test_kept_numbers_are_assigned_before_new_numbers() -> None:
    assert assigned((1, "G000"), (1, "none"), (1, "G001"), (1, "G001"), (1, "G002")) == [
        "G004", "G005", "G001", "G003", "G002",
    ]  # fmt: skip


def test_letters_of_no_service_stay_where_their_digits_are_free() -> None:
    assert assigned((1, "Z008"), (2, "Z008")) == ["Z008", "B008"]
    assert assigned((1, "Z007"), (1, "G007")) == ["G008", "G007"]


def test_letters_of_another_service_stay_if_that_service_will_not_issue_the_number() -> None:
    assert assigned((None, "G003"), (1, "G009")) == ["G003", "G009"]
    assert assigned((None, "G012"), (1, "G009")) == ["X012", "G009"]
    assert assigned((None, "G012"), (1, "G009", LATER)) == ["G012", "G009"]
    assert assigned((None, "G009"), (1, "G009"), (1, "G010")) == ["X009", "G009", "G010"]


def test_the_letters_of_most_numbers_become_the_services_prefix() -> None:
    written = tickets(
        (1, "G1"), (1, "X1"), (1, "X2"), (2, "G1"), (2, "G2"), (None, "X9"), (None, "X8"), (None, "X7")
    )
    names: dict[Line, str] = {1: "One", 2: "Two", 3: "Gym", 4: "Ggg", 5: "血", None: "Recovered"}
    assert choose_prefixes(written, names) == {2: "G", 1: "X", 3: "GY", 4: "GG", 5: "A", None: "R"}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8)), max_size=9))
def test_as_few_tickets_as_possible_are_placed_by_hand(keys: list[tuple[int, int]]) -> None:
    moved = placed_by_hand(keys)
    ranks = [keys[moved.get(index, index)] for index in range(len(keys))]
    assert ranks == sorted(ranks)
    assert not set(moved.values()) & moved.keys()
    kept = len(keys) - len(moved)
    longer = combinations(keys, kept + 1)
    assert not any(list(run) == sorted(run) for run in longer)


@given(st.lists(st.tuples(st.sampled_from([1, 2, None]), st.text("GBXZ017", max_size=5)), max_size=40))
def test_assigned_numbers_are_unique(written: list[tuple[Line, str]]) -> None:
    numbered = tickets(*written)
    prefixes = choose_prefixes(numbered, {1: "G", 2: "G", None: "Recovered"})
    got = assign_numbers(numbered, prefixes)
    assert len(set(prefixes.values())) == 3
    assert got.keys() == {ticket.ticket for ticket in numbered}
    assert len({number.text for number in got.values()}) == len(got)
    assert len({(t.line, got[t.ticket].value) for t in numbered}) == len(got)
    assert all(number.value > 0 and number == read_number(number.text) for number in got.values())


def test_a_number_has_at_least_three_digits() -> None:
    assert [Number("G", value).text for value in (1, 42, 1234)] == ["G001", "G042", "G1234"]
