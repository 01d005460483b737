"""The console's flow without Qt: the page and the allowed actions of each state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from admin_app import console_flow as flow
from admin_app.console_flow import Action, ConsolePage, DeskState
from core.line.tickets import CounterSummary, Ticket
from tests.support.builders import NOW, make_ticket

COUNTER = CounterSummary(code="R1", name="Counter 1", services=("A", "B"), held_by="Mia")
AT_WORK = frozenset({Action.CALL_NEXT, Action.PAUSE})
WITH_PATIENT = frozenset({Action.RECALL, Action.COMPLETE, Action.NO_SHOW})


def ticket(number: str = "A012", minutes: float = 0, **members: Any) -> Ticket:
    """Returns a ticket that joined `minutes` before NOW."""
    return make_ticket(number, **({"id": number, "joined_at": NOW - timedelta(minutes=minutes)} | members))


def desk(**members: Any) -> DeskState:
    values: dict[str, Any] = {"link": "live", "user": "Mia", "counter": COUNTER}
    return DeskState(**(values | members))


def test_without_a_signed_in_person_the_sign_in_page_is_shown() -> None:
    assert flow.page_of(DeskState(), wants_counters=True) is ConsolePage.SIGN_IN


def test_without_a_counter_the_counters_are_shown() -> None:
    assert flow.page_of(desk(counter=None), wants_counters=False) is ConsolePage.COUNTER


def test_with_a_counter_patients_are_called() -> None:
    assert flow.page_of(desk(), wants_counters=False) is ConsolePage.CALLS


def test_the_counters_are_shown_on_request() -> None:
    assert flow.page_of(desk(), wants_counters=True) is ConsolePage.COUNTER


def test_an_open_counter_without_a_patient_calls_or_pauses() -> None:
    assert flow.allowed(desk()) == AT_WORK


def test_with_a_patient_every_action_is_allowed() -> None:
    assert flow.allowed(desk(current=ticket())) == AT_WORK | WITH_PATIENT


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_a_counter_that_is_not_open_only_opens(state: str) -> None:
    counter = msgspec.structs.replace(COUNTER, state=state)
    assert flow.allowed(desk(counter=counter)) == {Action.OPEN}


def test_a_patient_is_finished_at_a_pausing_counter() -> None:
    counter = msgspec.structs.replace(COUNTER, state="paused")
    assert flow.allowed(desk(counter=counter, current=ticket())) == WITH_PATIENT | {Action.OPEN}


def test_no_action_is_allowed_while_an_answer_is_outstanding() -> None:
    assert not flow.allowed(desk(current=ticket(), pending=Action.CALL_NEXT))


@pytest.mark.parametrize("link", ["connecting", "lost", "refused"])
def test_no_action_is_allowed_without_the_hub(link: str) -> None:
    assert not flow.allowed(desk(link=link, current=ticket()))


def test_a_counter_held_by_another_person_cannot_be_chosen() -> None:
    assert not flow.may_choose(COUNTER, desk(user="Noor"))


def test_a_counter_whose_holder_has_gone_is_chosen_by_opening_it() -> None:
    gone = msgspec.structs.replace(COUNTER, away=True)
    assert flow.may_choose(gone, desk(user="Noor"))
    assert flow.must_open(gone)
    assert not flow.must_open(COUNTER)


def test_a_supervisor_may_choose_a_held_counter() -> None:
    assert flow.may_choose(COUNTER, desk(user="Noor", supervises=True))


def test_the_ticket_at_a_counter_is_its_last_call() -> None:
    first = ticket("A001", counter="R1", called_at=NOW - timedelta(minutes=5))
    second = ticket("A002", counter="R1", called_at=NOW)
    elsewhere = ticket("A003", counter="R2", called_at=NOW)
    assert flow.ticket_at("R1", [second, first, elsewhere]) == second


def test_no_ticket_at_a_counter() -> None:
    assert flow.ticket_at("R1", [ticket(counter="R2")]) is None


def test_missed_patients_come_newest_first() -> None:
    early, late = ticket("A001", ended_at=NOW - timedelta(hours=1)), ticket("B001", ended_at=NOW)
    assert flow.newest_first([[early], [late]]) == [late, early]


@pytest.mark.parametrize(
    ("minutes", "tone"),
    [(0, "neutral"), (10.4, "neutral"), (10.5, "attention"), (15, "attention"), (15.1, "danger")],
)
def test_wait_colours(minutes: float, tone: str) -> None:
    assert flow.wait_tone(minutes * 60) == tone


def test_a_wait_is_never_negative() -> None:
    assert flow.wait_seconds(ticket(minutes=-3), NOW) == 0


def test_calling_again_does_not_lengthen_the_wait() -> None:
    called = ticket(minutes=20, started_at=NOW - timedelta(minutes=6), called_at=NOW)
    assert flow.first_wait(called, NOW) == 14 * 60


def test_the_figures_of_lines_and_counters() -> None:
    counters = [COUNTER, msgspec.structs.replace(COUNTER, code="R2", state="closed")]
    found = flow.figures([ticket(minutes=3), ticket(minutes=17)], counters, NOW)
    assert found == flow.Figures(waiting=2, longest=17 * 60, counters_open=1, counters=2)
