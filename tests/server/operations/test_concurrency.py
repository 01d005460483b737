"""Sixteen processes on one service and on three: no rule is broken, no deadlock, every acknowledged change is there."""

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
from tests.support.verdict import find_faults

pytestmark = [pytest.mark.usefixtures("no_qt_garbage")]

TIMES = proof_size(80, 6000)
"""Presses of each process."""

TRANSFER_WEIGHTS = {
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


def acknowledged(logs: list[Log]) -> Counter[str]:
    return Counter(answer.operation for log in logs for answer in log.acknowledged)


@pytest.mark.long
@pytest.mark.parametrize(("services", "counters"), [(1, 6), (3, 8)], ids=["one line", "three lines"])
def test_sixteen_processes_perform_every_operation(engine: Engine, services: int, counters: int) -> None:
    logs = hammer(furnish(engine, services, counters), presses=TIMES)
    assert find_faults(engine, logs) == {}
    assert acknowledged(logs).keys() >= EVERYTHING.keys() - {"close_day"}
    if services == 1:
        assert sum(log.retries for log in logs) == 0


@pytest.mark.long
def test_transfers_in_both_directions_never_deadlock(engine: Engine) -> None:
    logs = hammer(furnish(engine, 2, 6), presses=TIMES, weights=TRANSFER_WEIGHTS, seed=2)
    assert find_faults(engine, logs) == {}
    assert acknowledged(logs)["transfer_ticket"] > TIMES
    assert acknowledged(logs)["undo_operation"] > 0


LINE = {"R1": "B", "R2": "C"}
PRESSES: dict[str, Callable[[str, str, str], Press]] = {
    "call": lambda actor, desk, ticket: lambda o: o.call_patient(actor, new_key(), ticket, desk, False),
    "transfer": lambda actor, desk, ticket: (
        lambda o: o.transfer_ticket(actor, new_key(), ticket, LINE[desk], "last", True)
    ),
    "cancel": lambda actor, _desk, ticket: lambda o: o.cancel_ticket(actor, new_key(), ticket, False),
    "park": lambda actor, _desk, ticket: lambda o: o.park_ticket(actor, new_key(), ticket, None, True),
    "unpark": lambda actor, _desk, ticket: lambda o: o.unpark_ticket(actor, new_key(), ticket, "first"),
    "move": lambda actor, _desk, ticket: lambda o: o.move_ticket(actor, new_key(), ticket, 1),
    "priority": lambda actor, _desk, ticket: lambda o: o.set_ticket_priority(actor, new_key(), ticket, "low"),
    "complete": lambda actor, _desk, ticket: (
        lambda o: o.finish_consultation(actor, new_key(), ticket, "completed", True)
    ),
    "no-show": lambda actor, _desk, ticket: (
        lambda o: o.finish_consultation(actor, new_key(), ticket, "no_show", True)
    ),
    "recall": lambda actor, _desk, ticket: lambda o: o.recall_patient(actor, new_key(), ticket, True),
}


async def outcomes_of(crowd: Crowd, first: str, second: str, *, called: bool, together: bool) -> list[str]:
    """The outcomes of two operations on a new ticket by two people; the ticket is cancelled afterwards."""
    [ticket] = await crowd.joined()
    if called:
        await crowd.answer(PRESSES["call"](STAFF, "R1", ticket))
    perform = crowd.at_once if together else crowd.one_by_one
    presses = PRESSES[first](STAFF, "R1", ticket), PRESSES[second](SUPERVISOR, "R2", ticket)
    answers = await perform(*presses)
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
async def test_two_concurrent_operations_have_the_outcomes_of_sequential_ones(
    clinic: Clinic, engine: Engine, called: bool, presses: list[str]
) -> None:
    async with Crowd(clinic) as crowd:
        for first, second in product(presses, repeat=2):
            sequential = await outcomes_of(crowd, first, second, called=called, together=False)
            together = await outcomes_of(crowd, first, second, called=called, together=True)
            assert together == sequential, f"{first} and {second} at once"
    assert count_violations(engine) == {}


@pytest.mark.parametrize(
    ("first", "second", "outcomes"),
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
def test_of_two_concurrent_operations_the_second_sees_the_change_of_the_first(
    clinic: Clinic, engine: Engine, first: str, second: str, outcomes: list[str]
) -> None:
    [ticket] = joined(clinic)
    answers = at_once(clinic, PRESSES[first](STAFF, "R1", ticket), PRESSES[second](SUPERVISOR, "R2", ticket))
    assert [outcome(answer) for answer in answers] == outcomes
    assert count_violations(engine) == {}
