"""The console's sentences: why a ticket is next, hints, refusals, the state of the connection."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from admin_app import console_words as say
from admin_app.console_flow import Action, allowed
from core.errors import Unauthenticated, Unavailable
from tests.admin_app.test_console_flow import COUNTER, desk, ticket
from tests.support.builders import NOW, make_service


def test_why_the_first_of_a_priority_is_next() -> None:
    order = [ticket("A013", 12), ticket("A014", 9), ticket("A015", 30, priority="low")]
    assert say.why_next(order, NOW) == "Next is A013: first of the medium priority, waiting 12 min."


def test_why_an_emergency_is_next() -> None:
    order = [ticket("A013", 2, priority="high"), ticket("A014", 9)]
    assert say.why_next(order, NOW) == "Next is A013: the only one with high priority, waiting 2 min."


def test_why_the_longest_waiting_is_next() -> None:
    assert "here the longest" in say.why_next([ticket("A013", 12), ticket("A014", 9)], NOW)


def test_why_the_only_waiting_ticket_is_next() -> None:
    assert say.why_next([ticket("A013")], NOW) == "Next is A013: the only one waiting, just arrived."


def test_why_a_hand_placed_ticket_is_next() -> None:
    placed = msgspec.structs.replace(ticket("A014", 9), placed_by_hand=True)
    assert "placed first by hand" in say.why_next([placed, ticket("A013", 12)], NOW)


def test_why_a_counter_s_first_service_is_next() -> None:
    assert "comes first at this counter" in say.why_next([ticket("A014", 9), ticket("B013", 12)], NOW)


def test_a_no_show_that_waits_again_names_its_place() -> None:
    again = msgspec.structs.replace(ticket("A014", 9), status="waiting", position=7)
    assert say.done_words(Action.NO_SHOW, again) == "A014 did not come and waits again, at place 7."


def test_an_empty_line_is_a_sentence() -> None:
    assert say.why_next([], NOW) == "Nobody is waiting for this counter."


def test_the_hint_says_that_an_action_is_not_lost() -> None:
    hint = say.hint(desk(link="lost", pending=Action.CALL_NEXT), [], NOW)
    assert hint == "Waiting for the hub: your last action is finished if it is back in a moment."


def test_an_unreachable_database_is_shown_and_allows_no_action() -> None:
    stale = desk(stale=True)
    words, icon, role = say.connection(stale, None, 0.002)
    assert words == (
        "The hub can't reach its database: what you see may be some seconds old; nothing can be changed now"
    )
    assert (icon, role) == ("triangle-alert", "attention")
    assert say.hint(stale, [], NOW) == "Waiting for the hub's database: you can go on when it is back."
    assert allowed(stale) == frozenset()
    assert allowed(desk()) != frozenset()
    assert say.connection(desk(stale=True, link="lost"), "10:42", None)[0].startswith("Hub lost")


def test_the_hint_of_a_pausing_counter_names_the_key() -> None:
    pausing = msgspec.structs.replace(COUNTER, state="paused")
    assert say.hint(desk(counter=pausing), [], NOW) == "This counter is pausing. Press F10 to take patients."


def test_the_outcome_of_a_call() -> None:
    assert say.called_words(ticket("A011"), ticket("A012")) == "A011 completed, A012 called."
    assert say.called_words(None, ticket("A012")) == "A012 is called."
    assert say.called_words(ticket("A011"), None) == "A011 is completed. Nobody else is waiting."
    assert say.called_words(None, None) == "Nobody is waiting."


def test_the_wait_and_the_calls_of_a_patient() -> None:
    called = ticket(minutes=20, started_at=NOW - timedelta(minutes=6), calls=2)
    assert say.waited_words(called, NOW) == "waited 14 min · called twice"


@pytest.mark.parametrize(("seconds", "text"), [(0, "00:00"), (372, "06:12"), (3972, "1:06:12")])
def test_stop_watch(seconds: int, text: str) -> None:
    assert say.stop_watch(ticket(started_at=NOW - timedelta(seconds=seconds)), NOW) == text


def test_flags_are_words_with_icons() -> None:
    found = say.flags(ticket(needs=("interpreter",), priority="high"))
    assert found == [
        ("Interpreter", "action", "languages"),
        ("High priority", "attention", "arrow-up"),
    ]


def test_the_status_of_a_counter_names_its_holder() -> None:
    free = msgspec.structs.replace(COUNTER, held_by=None)
    assert say.counter_status(COUNTER, desk()) == "You are here"
    assert say.counter_status(COUNTER, desk(user="Noor")) == "Mia is here"
    assert say.counter_status(free, desk()) == "Free"
    gone = msgspec.structs.replace(COUNTER, away=True)
    assert say.counter_status(gone, desk(user="Noor")) == "Mia has gone"


def test_a_counters_services_by_name() -> None:
    services = [make_service()]
    assert say.services_of(COUNTER, services) == "See a doctor, B"


def test_refusals_of_a_sign_in_say_what_to_do() -> None:
    assert say.sign_in_refusal("unauthenticated", "").startswith("That name and password don't match")
    assert say.sign_in_refusal("rate_limited", "Too many tries.") == "Too many tries."


def test_why_a_person_was_signed_out() -> None:
    assert say.signed_out(Unauthenticated("Gone.")) == "You were signed out. Please sign in again."
    assert say.signed_out(Unavailable("No database.")) == "No database."


def test_the_connection_in_words() -> None:
    assert say.connection(desk(), None, 0.002)[0] == "Live · hub 2 ms"
    assert say.connection(desk(link="lost"), "10:42", None)[0] == "Hub lost since 10:42, trying again"
    assert say.connection(desk(link="connecting", user=None), None, None)[0] == "Not signed in"
