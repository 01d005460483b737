"""Sixteen processes on one service and on three: nothing is wrong, nobody is in anybody's way, what was told is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product

import pytest
from sqlalchemy import Engine

from server.checks.violations import count_violations
from tests.support.at_once import (
    STAFF,
    SUPERVISOR,
    Crowd,
    Press,
    at_once,
    joined,
    new_key,
    outcome,
)
from tests.support.clinic import Clinic
from tests.support.hammer import EVERYTHING, Log, hammer
from tests.support.proof_size import proof_size
from tests.support.scene import furnish
from tests.support.verdict import judged

pytestmark = [pytest.mark.usefixtures("no_qt_garbage")]

TIMES = proof_size(150, 6000)
"""Of each process."""

TO_AND_FRO = {
    "join_queue": 10,
    "transfer_ticket": 40,
    "call_next_patient": 15,
    "undo_operation": 12,
    "no_show": 4,
    "complete": 4,
    "call_patient": 4,
    "close_day": 0.2,
}


@pytest.fixture
def engine(clinic: Clinic) -> Iterator[Engine]:
    engine = clinic.engine()
    yield engine
    engine.dispose()


def told(logs: list[Log]) -> Counter[str]:
    return Counter(each.operation for log in logs for each in log.told)


@pytest.mark.long
@pytest.mark.parametrize(("services", "counters"), [(1, 6), (3, 8)], ids=["one line", "three lines"])
def test_sixteen_processes_press_every_button(engine: Engine, services: int, counters: int) -> None:
    logs = hammer(furnish(engine, services, counters), presses=TIMES)
    assert judged(engine, logs) == {}
    assert told(logs).keys() >= EVERYTHING.keys() - {"close_day"}
    if services == 1:
        assert sum(log.retries for log in logs) == 0


@pytest.mark.long
def test_transfers_in_both_directions_never_deadlock(engine: Engine) -> None:
    logs = hammer(furnish(engine, 2, 6), presses=TIMES, weights=TO_AND_FRO, seed=2)
    assert judged(engine, logs) == {}
    assert told(logs)["transfer_ticket"] > TIMES
    assert told(logs)["undo_operation"] > 0


LINE = {"R1": "B", "R2": "C"}
PRESSES: dict[str, Callable[[str, str, str], Press]] = {
    "call": lambda who, desk, ticket: lambda o: o.call_patient(who, new_key(), ticket, desk, False),
    "transfer": lambda who, desk, ticket: (
        lambda o: o.transfer_ticket(who, new_key(), ticket, LINE[desk], "last")
    ),
    "cancel": lambda who, _desk, ticket: lambda o: o.cancel_ticket(who, new_key(), ticket, False),
    "park": lambda who, _desk, ticket: lambda o: o.park_ticket(who, new_key(), ticket, None),
    "unpark": lambda who, _desk, ticket: lambda o: o.unpark_ticket(who, new_key(), ticket, "first"),
    "move": lambda who, _desk, ticket: lambda o: o.move_ticket(who, new_key(), ticket, 1),
    "priority": lambda who, _desk, ticket: lambda o: o.set_ticket_priority(who, new_key(), ticket, "low"),
    "complete": lambda who, _desk, ticket: (
        lambda o: o.finish_consultation(who, new_key(), ticket, "completed")
    ),
    "no-show": lambda who, _desk, ticket: lambda o: o.finish_consultation(who, new_key(), ticket, "no_show"),
    "recall": lambda who, _desk, ticket: lambda o: o.recall_patient(who, new_key(), ticket),
}


async def ends_of(crowd: Crowd, one: str, other: str, *, called: bool, together: bool) -> list[str]:
    """What two people are told who press these for one new patient; the patient is taken out afterwards."""
    [ticket] = await crowd.joined()
    if called:
        await crowd.answer(PRESSES["call"](STAFF, "R1", ticket))
    way = crowd.at_once if together else crowd.one_by_one
    presses = PRESSES[one](STAFF, "R1", ticket), PRESSES[other](SUPERVISOR, "R2", ticket)
    answers = await way(*presses)
    await crowd.one_by_one(PRESSES["park"](STAFF, "", ticket), PRESSES["cancel"](STAFF, "", ticket))
    return [outcome(answer) for answer in answers]


@pytest.mark.parametrize(
    ("called", "presses"),
    [
        (False, ["call", "transfer", "cancel", "park", "unpark", "move", "priority"]),
        (True, ["call", "transfer", "park", "complete", "no-show", "recall"]),
    ],
    ids=["waiting", "called"],
)
async def test_two_people_at_once_are_told_the_same_as_one_after_the_other(
    clinic: Clinic, engine: Engine, called: bool, presses: list[str]
) -> None:
    async with Crowd(clinic) as crowd:
        for one, other in product(presses, repeat=2):
            by_turns = await ends_of(crowd, one, other, called=called, together=False)
            together = await ends_of(crowd, one, other, called=called, together=True)
            assert together == by_turns, f"{one} and {other} at once"
    assert count_violations(engine) == {}


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("call", "call", ["consulting", "not_waiting"]),
        ("call", "cancel", ["consulting", "not_waiting"]),
        ("cancel", "call", ["cancelled", "not_waiting"]),
        ("cancel", "park", ["cancelled", "not_waiting"]),
        ("cancel", "transfer", ["cancelled", "not_waiting"]),
        ("transfer", "transfer", ["waiting", "waiting"]),
        ("transfer", "cancel", ["waiting", "cancelled"]),
        ("park", "park", ["parked", "not_waiting"]),
    ],
)
def test_of_two_people_at_once_the_second_sees_what_the_first_did(
    clinic: Clinic, engine: Engine, one: str, other: str, told: list[str]
) -> None:
    [ticket] = joined(clinic)
    answers = at_once(clinic, PRESSES[one](STAFF, "R1", ticket), PRESSES[other](SUPERVISOR, "R2", ticket))
    assert [outcome(answer) for answer in answers] == told
    assert count_violations(engine) == {}
