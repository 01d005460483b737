"""Sentences made of figures, names and times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core import wording
from core.line.tickets import CounterSummary, ServiceState, WaitBracket
from tests.support.builders import make_service

NOW = datetime(2026, 11, 23, 10, 42, tzinfo=UTC)
MADRID = wording.time_zone("Europe/Madrid")


@pytest.mark.parametrize(
    ("count", "words"), [(0, "No one ahead of you"), (1, "1 person ahead"), (12, "12 people ahead")]
)
def test_people_ahead(count: int, words: str) -> None:
    assert wording.people_ahead(count) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 240, "less than 5 min"),
        (300, 900, "about 5–15 min"),
        (601, 1200, "about 15–20 min"),
        (600, 600, "about 10 min"),
        (7200, 10800, "about 2–3 hours"),
        (0, 0, ""),
    ],
)
def test_a_wait_is_a_bracket_rounded_up_to_five_minutes(low: int, high: int, words: str) -> None:
    assert wording.wait_bracket(WaitBracket(low, high)) == words


def test_no_estimate_is_no_words() -> None:
    assert wording.wait_bracket(None) == ""
    assert wording.wait_bracket(WaitBracket(600, 1200), about=False) == "10–20 min"


@pytest.mark.parametrize(
    ("state", "opens", "words"),
    [
        ("open", None, ("3 people ahead", "about 10–20 min")),
        ("paused", None, ("Paused for a while",)),
        ("full", None, ("No more numbers today",)),
        ("closed", None, ("Closed",)),
        ("closed", datetime(2026, 11, 23, 12, 0, tzinfo=UTC), ("Closed", "opens at 13:00")),
        ("closed", datetime(2026, 11, 24, 7, 0, tzinfo=UTC), ("Closed", "opens tomorrow at 08:00")),
        ("closed", datetime(2026, 11, 28, 7, 0, tzinfo=UTC), ("Closed", "opens Saturday at 08:00")),
        ("closed", datetime(2026, 12, 14, 7, 0, tzinfo=UTC), ("Closed", "opens on 14 December at 08:00")),
    ],
)
def test_a_services_card(state: ServiceState, opens: datetime | None, words: tuple[str, ...]) -> None:
    service = make_service(
        name="Doctor",
        state=state,
        opens_at=opens,
        waiting=9,
        ahead=3,
        estimated_wait=WaitBracket(600, 1200),
    )
    assert wording.service_details(service, MADRID, NOW) == words


def test_a_service_with_no_one_ahead_says_only_that() -> None:
    service = make_service(name="Doctor", ahead=0, estimated_wait=WaitBracket(0, 300))
    assert wording.service_details(service, MADRID, NOW) == ("No one ahead of you",)


@pytest.mark.parametrize("waiting", [0, 8])
def test_a_service_without_an_open_counter_promises_nothing(waiting: int) -> None:
    service = make_service(waiting=waiting, estimated_wait=WaitBracket(0, 300))
    assert wording.service_details(service, MADRID, NOW) == ("No counter is open yet",)


def test_a_name_follows_the_language_and_falls_back_to_the_code() -> None:
    counters = (CounterSummary(code="R1", name="Sala 1", names={"en": "Room 1"}),)
    assert wording.counter_name("R1", counters) == "Room 1"
    assert wording.counter_name("R1", counters, "es") == "Sala 1"
    assert wording.counter_name("R9", counters) == "Counter R9"
    assert wording.counter_name(None, counters) == ""
    assert wording.service_name(make_service(name="Doctor", names={"es": "Médico"}), "es") == "Médico"


def test_a_number_is_said_sign_by_sign() -> None:
    assert wording.announcement("A012", "Counter 3") == "Ticket A, zero one two, Counter 3"


def test_the_clock_follows_the_site_and_survives_an_unknown_zone() -> None:
    assert wording.clock(NOW, MADRID) == "11:42"
    assert wording.clock(NOW, wording.time_zone("Mars/Olympus")) == "10:42"
    assert wording.clock(NOW, wording.time_zone("../../etc/passwd")) == "10:42"


@pytest.mark.parametrize(
    ("seconds", "words"), [(-3, "less than 1 min"), (719, "11 min"), (3900, "1 h 05 min")]
)
def test_an_elapsed_time_is_whole_minutes(seconds: float, words: str) -> None:
    assert wording.minutes(seconds) == words


def test_a_refusal_is_a_sentence_for_a_patient() -> None:
    assert "reception" in wording.refusal("service_full", "")
    assert wording.refusal("brand_new", "The printer is upside down.") == "The printer is upside down."
    assert wording.refusal("brand_new", "") == wording.NO_ANSWER
