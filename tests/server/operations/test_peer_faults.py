"""The faults of concurrency that other queue programs have, each as a test that finds it: numbers, calls, locks in SQL.

Who has it stands first: FQM, The Q and its predecessor sbc-qsystem, OpenMRS queues, QSystem, Novo SGA, ZMS, SimplQ and
qtrcipher's MVP.
"""

from __future__ import annotations

import asyncio
import multiprocessing
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
    calling_one,
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

pytestmark = pytest.mark.usefixtures("no_qt_garbage")

LOCAL_HOUR = (
    "UPDATE settings SET time_zone = "
    "'<here>' || (extract(hour FROM now() AT TIME ZONE 'UTC') - {hour})::text RETURNING 1"
)


# --- numbers ----------------------------------------------------------------------------------------------


def test_a_number_is_not_the_highest_and_one_more(clinic: Clinic) -> None:
    """FQM, SimplQ: max + 1 without a lock gave the number of another to every seventh patient."""
    assert numbers(at_once(clinic, *joins(CROWD))) == [f"A{n:03}" for n in range(1, CROWD + 1)]


def test_a_number_is_not_a_count(clinic: Clinic) -> None:
    """The Q, OpenMRS: how many there are today and one more is a number again once somebody has left."""
    first, second, _ = joined(clinic, 3)
    after_each_other(clinic, cancelling(first), moving(second, "B"))
    assert numbers(at_once(clinic, *joins(2))) == ["A004", "A005"]


def test_the_day_changes_at_the_clinics_midnight_only(clinic: Clinic) -> None:
    """The Q: "today" was UTC less eleven hours: behind five in the afternoon numbers were given again."""
    given = []
    for hour in (16, 17, 19, 23):
        clinic.rows(LOCAL_HOUR.format(hour=hour))
        given += numbers(after_each_other(clinic, *joins(2)))
    assert given == [f"A{n:03}" for n in range(1, 9)]
    after_each_other(clinic, lambda o: o.close_day(STAFF, new_key(), None))
    clinic.rows(LOCAL_HOUR.format(hour=25))
    assert numbers(after_each_other(clinic, *joins(2))) == ["A001", "A002"]


def test_the_first_ticket_needs_none_before_it(clinic: Clinic) -> None:
    """FQM: joining an empty line failed, and so a ticket with the number 100 had to be put there."""
    assert numbers(at_once(clinic, *joins(2, "C"))) == ["C001", "C002"]


def test_a_transfer_keeps_the_number(clinic: Clinic) -> None:
    """qtrcipher gives a new number, Novo SGA another letter: nobody finds themselves on the wall."""
    [ticket] = joined(clinic)
    joined(clinic, 1, "B")
    answers = at_once(clinic, *(moving(ticket, service) for service in "BCA"))
    assert numbers(answers) == ["A001"] * 3


# --- who is called ----------------------------------------------------------------------------------------


def test_two_desks_never_get_one_patient(clinic: Clinic) -> None:
    """FQM, Novo SGA, sbc-qsystem: the oldest was read first and taken later, by two."""
    joined(clinic, CROWD)
    answers = at_once(clinic, *map(calling, desks(clinic)))
    assert numbers(answers) == [f"A{n:03}" for n in range(1, CROWD + 1)]


def test_the_second_of_two_who_call_the_last_patient_is_told_that_nobody_waits(clinic: Clinic) -> None:
    """Novo SGA: after five failed tries the caller was shown a patient whom another had called."""
    joined(clinic)
    answers = at_once(clinic, calling("R1"), calling("R2", SUPERVISOR))
    assert list(map(outcome, answers)) == ["consulting", "queue_empty"]


def test_a_crowd_of_callers_sees_no_error(clinic: Clinic) -> None:
    """qtrcipher: serializable transactions without a second try: callers got an error and no patient."""
    tickets = joined(clinic, CROWD)
    there_and_back = [moving(ticket, "B") for ticket in tickets[1::2]]
    answers = at_once(clinic, *map(calling, desks(clinic)[:8]), *there_and_back)
    assert {outcome(answer) for answer in answers} == {"consulting", "waiting"}


def test_the_winners_desk_stays(clinic: Clinic) -> None:
    """Novo SGA: the row's lock was let go before the row was written, and its state never read again."""
    [ticket] = joined(clinic)
    answers = at_once(clinic, calling_one(ticket, "R1"), calling_one(ticket, "R2", SUPERVISOR))
    assert list(map(outcome, answers)) == ["consulting", "not_waiting"]
    assert clinic.rows("SELECT c.code FROM tickets t JOIN counters c ON c.id = counter_id") == [("R1",)]


def test_equals_are_called_in_the_order_they_came(clinic: Clinic) -> None:
    """Novo SGA 2.2: among equals the newest was first."""
    tickets = joined(clinic, 5)
    answers = after_each_other(clinic, *map(calling, desks(clinic)[:5]))
    assert [ticket_of(answer).id for answer in answers] == tickets


# --- one lock for everything ------------------------------------------------------------------------------


def test_every_button_takes_the_lines_lock(clinic: Clinic) -> None:
    """The Q: calling took one lock, beginning another, holding, leaving and finishing none."""
    one, two, three, four, called, served = joined(clinic, 6)
    after_each_other(clinic, calling_one(called, "R1"), calling_one(served, desks(clinic)[0]))
    answers = at_once(
        clinic,
        lambda o: o.call_next_patient(SUPERVISOR, new_key(), "R2", None, False),
        lambda o: o.recall_patient(STAFF, new_key(), called),
        lambda o: o.finish_consultation(STAFF, new_key(), served, "completed"),
        lambda o: o.park_ticket(STAFF, new_key(), two, None),
        cancelling(three),
        moving(four, "B"),
        lambda o: o.update_ticket(STAFF, new_key(), one, {"note": "came back"}),
        lambda o: o.set_service_state(STAFF, new_key(), "A", "paused", None),
    )
    assert [answer for answer in answers if isinstance(answer, Exception)] == []


def test_two_transfers_at_once_leave_one_ticket_in_one_line(clinic: Clinic) -> None:
    """OpenMRS: a check that compares what it does not change let both through: two entries for one patient."""
    [ticket] = joined(clinic)
    at_once(clinic, moving(ticket, "B"), moving(ticket, "C"))
    found = "SELECT count(*), count(DISTINCT ticket ->> 'service') FROM queue_events WHERE kind = 'transferred_in'"
    assert clinic.rows(found) == [(2, 2)]
    assert clinic.rows("SELECT s.code, s.tail - s.head FROM services s ORDER BY code") == [
        ("A", 0),
        ("B", 0),
        ("C", 1),
    ]


async def test_nobody_is_passed_by_others_who_call(clinic: Clinic) -> None:
    """The Q: a lock asked for every 50 ms went to whoever had just let it go: some waited a hundred times as long."""
    await asyncio.to_thread(joined, clinic, CROWD * 20)
    served = dict.fromkeys(await asyncio.to_thread(desks, clinic), 0)
    spread: list[int] = []

    async def call(crowd: Crowd, desk: str) -> None:
        for _ in range(20):
            called = ticket_of(await crowd.answer(calling(desk))).id
            await crowd.operations.finish_consultation(STAFF, new_key(), called, "completed")
            served[desk] += 1
            spread.append(max(served.values()) - min(served.values()))

    async with Crowd(clinic, CROWD) as crowd:
        await asyncio.gather(*(call(crowd, desk) for desk in served))
    assert max(spread) <= 15, "somebody was nearly done before another had begun"


def test_four_processes_that_start_at_once_migrate_once(postgres: str) -> None:
    """FQM: each worker migrated: two revisions were noted, and the next start ended with an error."""
    with scratch_database(postgres) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("forkserver")) as pool:
            steps = list(pool.map(migrate, [url] * 4))
        with engine.connect() as connection:
            noted = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        engine.dispose()
    assert sorted(map(len, steps)) == [0, 0, 0, len(max(steps, key=len))]
    assert noted == [schema_revision.latest_revision()]


def migrate(url: str) -> list[str]:
    engine = create_engine(url)
    try:
        return revisions.upgrade(engine)
    finally:
        engine.dispose()
