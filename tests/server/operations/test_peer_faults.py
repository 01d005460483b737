"""Concurrency faults of other queue programs, each as a test that would find it: numbers, calls and locks in SQL.

Each docstring begins with the program: FQM, The Q and its predecessor sbc-qsystem, OpenMRS queues, QSystem, Novo SGA,
ZMS, SimplQ or qtrcipher's MVP.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor

import pytest
from sqlalchemy import create_engine, text

from server.checks.scratch_hub import scratch_database
from server.database import schema_revision
from server.schema import revisions
from tests.support.at_once import (
    CROWD,
    STAFF,
    SUPERVISOR,
    Crowd,
    after_each_other,
    at_once,
    calling,
    calling_ticket,
    cancelling,
    desks,
    joined,
    joins,
    moving,
    new_key,
    numbers,
    outcome,
    ticket_of,
)
from tests.support.clinic import Clinic
from tests.support.forks import forks

pytestmark = pytest.mark.usefixtures("no_qt_garbage")

LOCAL_HOUR = (
    "UPDATE settings SET time_zone = "
    "'<here>' || (extract(hour FROM now() AT TIME ZONE 'UTC') - {hour})::text RETURNING 1"
)


# --- numbers ----------------------------------------------------------------------------------------------


def test_concurrent_joins_get_different_numbers(clinic: Clinic) -> None:
    """FQM, SimplQ: max + 1 without a lock gave every seventh patient the number of another."""
    assert numbers(at_once(clinic, *joins(CROWD))) == [f"A{n:03}" for n in range(1, CROWD + 1)]


def test_numbers_of_tickets_that_left_are_not_given_again(clinic: Clinic) -> None:
    """The Q, OpenMRS: the count of today's tickets + 1 repeats a number once a ticket has left the line."""
    first, second, _ = joined(clinic, 3)
    after_each_other(clinic, cancelling(first), moving(second, "B"))
    assert numbers(at_once(clinic, *joins(2))) == ["A004", "A005"]


def test_the_day_changes_only_at_the_clinics_midnight(clinic: Clinic) -> None:
    """The Q: "today" was UTC less eleven hours, so that numbers were repeated after five in the afternoon."""
    given = []
    for hour in (16, 17, 19, 23):
        clinic.rows(LOCAL_HOUR.format(hour=hour))
        given += numbers(after_each_other(clinic, *joins(2)))
    assert given == [f"A{n:03}" for n in range(1, 9)]
    after_each_other(clinic, lambda o: o.close_day(STAFF, new_key(), None))
    clinic.rows(LOCAL_HOUR.format(hour=25))
    assert numbers(after_each_other(clinic, *joins(2))) == ["A001", "A002"]


def test_an_empty_line_issues_its_first_ticket(clinic: Clinic) -> None:
    """FQM: joining an empty line failed; a ticket with the number 100 had to be inserted by hand."""
    assert numbers(at_once(clinic, *joins(2, "C"))) == ["C001", "C002"]


def test_a_transfer_keeps_the_number(clinic: Clinic) -> None:
    """qtrcipher issues a new number, Novo SGA another letter: patients do not find themselves on the wall."""
    [ticket] = joined(clinic)
    joined(clinic, 1, "B")
    answers = at_once(clinic, *(moving(ticket, service) for service in "BCA"))
    assert numbers(answers) == ["A001"] * 3


# --- calls ------------------------------------------------------------------------------------------------


def test_two_counters_never_get_the_same_patient(clinic: Clinic) -> None:
    """FQM, Novo SGA, sbc-qsystem: the oldest ticket was read first and taken later, by two callers."""
    joined(clinic, CROWD)
    answers = at_once(clinic, *map(calling, desks(clinic)))
    assert numbers(answers) == [f"A{n:03}" for n in range(1, CROWD + 1)]


def test_of_two_callers_of_the_last_patient_the_second_gets_queue_empty(clinic: Clinic) -> None:
    """Novo SGA: after five failed tries the caller was shown a patient of another caller."""
    joined(clinic)
    answers = at_once(clinic, calling("R1"), calling("R2", SUPERVISOR))
    assert list(map(outcome, answers)) == ["consulting", "queue_empty"]


def test_concurrent_calls_and_transfers_raise_no_error(clinic: Clinic) -> None:
    """qtrcipher: serializable transactions without a retry: callers got an error and no patient."""
    tickets = joined(clinic, CROWD)
    there_and_back = [moving(ticket, "B") for ticket in tickets[1::2]]
    answers = at_once(clinic, *map(calling, desks(clinic)[:8]), *there_and_back)
    assert {outcome(answer) for answer in answers} == {"consulting", "waiting"}


def test_the_counter_of_the_first_caller_stays(clinic: Clinic) -> None:
    """Novo SGA: the row's lock was released before the row was written, and the row was not read again."""
    [ticket] = joined(clinic)
    answers = at_once(clinic, calling_ticket(ticket, "R1"), calling_ticket(ticket, "R2", SUPERVISOR))
    assert list(map(outcome, answers)) == ["consulting", "not_waiting"]
    assert clinic.rows("SELECT c.code FROM tickets t JOIN counters c ON c.id = counter_id") == [("R1",)]


def test_tickets_of_equal_priority_are_called_in_their_order(clinic: Clinic) -> None:
    """Novo SGA 2.2: of tickets with equal priority the newest was called first."""
    tickets = joined(clinic, 5)
    answers = after_each_other(clinic, *map(calling, desks(clinic)[:5]))
    assert [ticket_of(answer).id for answer in answers] == tickets


# --- one lock for everything ------------------------------------------------------------------------------


def test_every_operation_takes_the_lines_lock(clinic: Clinic) -> None:
    """The Q: calling took one lock, beginning another; holding, leaving and finishing took none."""
    one, two, three, four, called, served = joined(clinic, 6)
    after_each_other(clinic, calling_ticket(called, "R1"), calling_ticket(served, desks(clinic)[0]))
    answers = at_once(
        clinic,
        lambda o: o.call_next_patient(SUPERVISOR, new_key(), "R2", None, False),
        lambda o: o.recall_patient(STAFF, new_key(), called, True),
        lambda o: o.finish_consultation(STAFF, new_key(), served, "completed", True),
        lambda o: o.park_ticket(STAFF, new_key(), two, None, True),
        cancelling(three),
        moving(four, "B"),
        lambda o: o.update_ticket(STAFF, new_key(), one, {"note": "came back"}),
        lambda o: o.set_service_state(STAFF, new_key(), "A", "paused", None),
    )
    assert [answer for answer in answers if isinstance(answer, Exception)] == []


def test_two_concurrent_transfers_leave_the_ticket_in_a_single_line(clinic: Clinic) -> None:
    """OpenMRS: its check compares a column that the transfer does not change, so that both passed: two entries."""
    [ticket] = joined(clinic)
    at_once(clinic, moving(ticket, "B"), moving(ticket, "C"))
    found = "SELECT count(*), count(DISTINCT ticket ->> 'service') FROM queue_events WHERE kind = 'transferred_in'"
    assert clinic.rows(found) == [(2, 2)]
    assert clinic.rows("SELECT s.code, s.tail - s.head FROM services s ORDER BY code") == [
        ("A", 0),
        ("B", 0),
        ("C", 1),
    ]


async def test_concurrent_callers_are_served_evenly(clinic: Clinic) -> None:
    """The Q: a lock that was polled every 50 ms went to its last holder again: some callers waited 100 times as long."""
    await asyncio.to_thread(joined, clinic, CROWD * 20)
    served = dict.fromkeys(await asyncio.to_thread(desks, clinic), 0)
    spread: list[int] = []

    async def call(crowd: Crowd, desk: str) -> None:
        for _ in range(20):
            called = ticket_of(await crowd.answer(calling(desk))).id
            await crowd.operations.finish_consultation(STAFF, new_key(), called, "completed", True)
            served[desk] += 1
            spread.append(max(served.values()) - min(served.values()))

    async with Crowd(clinic, CROWD) as crowd:
        await asyncio.gather(*(call(crowd, desk) for desk in served))
    assert max(spread) <= 15, "a counter was nearly done before another had begun"


def test_four_concurrent_processes_migrate_once(postgres: str) -> None:
    """FQM: each worker migrated: two revisions were recorded, and the next start failed."""
    with scratch_database(postgres) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        with ProcessPoolExecutor(4, mp_context=forks) as pool:
            steps = list(pool.map(migrate, [url] * 4))
        with engine.connect() as connection:
            recorded = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        engine.dispose()
    assert sorted(map(len, steps)) == [0, 0, 0, len(max(steps, key=len))]
    assert recorded == [schema_revision.latest_revision()]


def migrate(url: str) -> list[str]:
    engine = create_engine(url)
    try:
        return revisions.upgrade(engine)
    finally:
        engine.dispose()
