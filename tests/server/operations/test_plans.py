"""Plans of every operation and reading in a long line after years: indexes only, and no unnecessary row.

The plans are those of all statements inside the functions, in four sessions: a hub's session that made its plans when
the clinic was empty and keeps them; a session with the statistics of that time; a session with fresh statistics; and a
session with fresh statistics and without the hub's planner settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import psycopg
import pytest

from server.administration import people_and_devices
from server.checks.scratch_hub import scratch_database
from server.database.address import driver_url
from server.database.calls import _PLANS
from server.schema.engine import administration_engine
from tests.bench.filling import fill
from tests.support.plan_reader import GROWING, PlanReader, Reading
from tests.support.proof_size import proof_size

WAITING = proof_size(2_000, 10_000)
PAST = proof_size(50_000, 1_000_000)
LINE_OF_TWENTY = 20
pytestmark = [pytest.mark.long]
PLANS_ARE_KEPT_AFTER = 6

KEY, TICKET = "requests_once", "tickets_pkey"
PLACE, RANK = "idx_unique_queue_position", "idx_waiting_rank"
AT_COUNTER = "idx_unique_consulting_counter"
HARMLESS = {PLACE, AT_COUNTER, "idx_consulting"}
"""Indexes that any call may use: they find a row in one step, or the few tickets at a counter."""
EVENTS = "queue_events_pkey"

# Call -> the indexes of growing tables that it needs. A is the long line; R1 has a patient, R2 has none.
OPERATIONS = {
    "join_queue(WHO, 'A')": {KEY, RANK, PLACE},
    "join_queue(WHO, 'A', 'low')": {KEY, RANK},
    "join_queue(WHO, 'A', 'high')": {KEY, RANK, PLACE},
    "call_next_patient(WHO, 'R2')": {KEY, TICKET, PLACE, AT_COUNTER},
    "call_next_patient(WHO, 'R1', %(consulting)s)": {KEY, TICKET, PLACE, AT_COUNTER},
    "call_patient(WHO, %(middle)s, 'R2')": {KEY, TICKET, PLACE, AT_COUNTER},
    "call_patient(WHO, %(parked)s, 'R2')": {KEY, TICKET, AT_COUNTER},
    "call_patient(WHO, %(missed)s, 'R2')": {KEY, TICKET, AT_COUNTER},
    "recall_patient(WHO, %(consulting)s)": {KEY, TICKET},
    "finish_consultation(WHO, %(consulting)s, 'completed')": {KEY, TICKET},
    "finish_consultation(WHO, %(consulting)s, 'no_show')": {KEY, TICKET},
    "park_ticket(WHO, %(consulting)s)": {KEY, TICKET},
    "park_ticket(WHO, %(middle)s)": {KEY, TICKET, PLACE},
    "unpark_ticket(WHO, %(parked)s, 'first')": {KEY, TICKET, PLACE},
    "unpark_ticket(WHO, %(parked)s, 'arrival')": {KEY, TICKET, RANK},
    "unpark_ticket(WHO, %(parked)s, 'last')": {KEY, TICKET, PLACE},
    "unpark_ticket(WHO, %(missed)s, 'arrival')": {KEY, TICKET, RANK},
    "transfer_ticket(WHO, %(middle)s, 'B', 'arrival')": {KEY, TICKET, RANK, PLACE},
    "transfer_ticket(WHO, %(elsewhere)s, 'A', 'arrival')": {KEY, TICKET, RANK, PLACE},
    "transfer_ticket(WHO, %(middle)s, 'A', 'last')": {KEY, TICKET, PLACE},
    "set_ticket_priority(WHO, %(middle)s, 'low')": {KEY, TICKET, RANK, PLACE},
    "set_ticket_priority(WHO, %(parked)s, 'low')": {KEY, TICKET},
    "move_ticket(WHO, %(middle)s, 1)": {KEY, TICKET, PLACE},
    "cancel_ticket(WHO, %(middle)s)": {KEY, TICKET, PLACE},
    "cancel_ticket(WHO, %(parked)s)": {KEY, TICKET},
    'update_ticket(WHO, %(middle)s, \'{"note": "fasting"}\')': {KEY, TICKET},
    "set_service_state(WHO, 'A', 'paused')": {KEY},
    "set_counter_state(WHO, 'R2', 'paused')": {KEY},
    "close_day(WHO, 'B')": {KEY, TICKET, "idx_parked"},
    "close_day_if_due('infinity')": {"idx_parked"},
}
READINGS = {
    "queue_snapshot('A')": {"idx_parked", "idx_recently_called", "idx_missed"},
    "find_ticket(%(middle)s)": {TICKET},
    "events_after('A', 100, 100)": {EVENTS, TICKET},
    "counters_overview()": {AT_COUNTER},
    "services_overview()": set[str](),
    "current_revisions()": set[str](),
    "day_to_close()": set[str](),
    "site_overview()": set[str](),
    "update_wait_times_atomic('A')": {"idx_completed"},
    "log_wait_outcomes('A')": {"idx_recently_called", "wait_estimates_pkey"},
    "log_wait_estimates(jsonb_build_array(jsonb_build_object('ticket', %(middle)s::text, 'low', 1, 'high', 2)))": {
        TICKET
    },
    "estimate_accuracy('A', clock_timestamp() - interval '1 hour')": {"idx_wait_estimates_told"},
}
CONDITIONS = ("plans of an empty clinic", "its statistics", "fresh statistics", "any session")

# Call -> the number of rows of tickets that it writes. At the ends of the line it moves no other ticket.
AT_THE_ENDS = {
    "join_queue(WHO, 'A', 'low')": 1,
    "call_next_patient(WHO, 'R2')": 1,
    "call_next_patient(WHO, 'R1', %(consulting)s)": 2,
    "call_patient(WHO, %(first)s, 'R2')": 1,
    "call_patient(WHO, %(last)s, 'R2')": 1,
    "finish_consultation(WHO, %(consulting)s, 'completed')": 1,
    "park_ticket(WHO, %(first)s)": 1,
    "cancel_ticket(WHO, %(last)s)": 1,
    "unpark_ticket(WHO, %(parked)s, 'first')": 1,
    "unpark_ticket(WHO, %(parked)s, 'last')": 1,
    "transfer_ticket(WHO, %(first)s, 'A', 'last')": 2,
    "move_ticket(WHO, %(last)s, 1)": 2,
}


@dataclass
class LongLine:
    """A clinic with a long line and a long past, in one session; `patients` maps a description to a ticket's id."""

    reader: PlanReader
    patients: dict[str, str]

    def read(self, call: str) -> Reading:
        """The plans and the written rows of a call."""
        return self.reader.read(call, self.patients)


@dataclass
class OldClinic:
    """The database, and a session (`witness`) that was open when the clinic was empty."""

    url: str
    witness: PlanReader
    patients: dict[str, str]


@pytest.fixture(scope="module")
def clinic(postgres: str) -> Iterator[OldClinic]:
    with scratch_database(postgres) as scratch, closing(PlanReader(driver_url(scratch), _PLANS)) as witness:
        furnish(scratch)
        witness.connection.execute("UPDATE settings SET day_closes = '00:00'")
        witness.connection.execute("UPDATE settings SET closed_day = '-infinity'")
        for table in GROWING:
            witness.connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)".encode())
        witness.connection.execute("VACUUM ANALYZE")
        with witness.connection.transaction(force_rollback=True):
            use_everything(witness)
        with psycopg.connect(driver_url(scratch)) as connection:
            fill(connection, "A", waiting=WAITING, past=PAST)
            fill(connection, "B", waiting=LINE_OF_TWENTY)
        yield OldClinic(driver_url(scratch), witness, some_patients(witness))


@pytest.fixture(scope="module", params=CONDITIONS)
def line(request: pytest.FixtureRequest, clinic: OldClinic) -> Iterator[LongLine]:
    if request.param == "plans of an empty clinic":
        yield LongLine(clinic.witness, clinic.patients)
        return
    with closing(PlanReader(clinic.url, "" if request.param == "any session" else _PLANS)) as session:
        if request.param == "fresh statistics":
            session.connection.execute("VACUUM ANALYZE")
        yield LongLine(session, clinic.patients)


def furnish(url: str) -> None:
    """Two services and two counters that serve both."""
    engine = administration_engine(url)
    for service in "AB":
        people_and_devices.add_service(engine, service, service, None)
    for counter in ("R1", "R2"):
        people_and_devices.add_counter(engine, counter, counter, ["A", "B"])
    people_and_devices.add_user(engine, "staff", "staff", "a long secret")
    engine.dispose()


def use_everything(session: PlanReader) -> None:
    """Calls every function in short lines, so often that its generic plans are cached."""
    for service in "AB":
        for _ in range(LINE_OF_TWENTY):
            session.call(f"join_queue(WHO, '{service}')", {})
    patients = some_patients(session)
    for call in [*OPERATIONS, *READINGS] * PLANS_ARE_KEPT_AFTER:
        with session.connection.transaction(force_rollback=True):
            session.call(call, patients)


def some_patients(session: PlanReader) -> dict[str, str]:
    """Description -> ticket of the long line; three of the tickets are called for that."""
    query = "SELECT ticket ->> 'id' FROM jsonb_array_elements(queue_snapshot(%s) -> 'waiting') ticket"
    here, elsewhere = ([t for (t,) in session.connection.execute(query, (service,))] for service in "AB")
    missed, parked, consulting, first, *_ = here
    for ticket in (missed, parked, consulting):
        session.call("call_patient(WHO, %(ticket)s, 'R1')", {"ticket": ticket})
        if ticket == missed:
            session.call("finish_consultation(WHO, %(ticket)s, 'no_show')", {"ticket": ticket})
        elif ticket == parked:
            session.call("park_ticket(WHO, %(ticket)s)", {"ticket": ticket})
    return {
        "missed": missed,
        "parked": parked,
        "consulting": consulting,
        "first": first,
        "middle": here[len(here) // 2],
        "last": here[-1],
        "elsewhere": elsewhere[0],
    }


@pytest.mark.parametrize("call", [*OPERATIONS, *READINGS])
def test_a_call_reads_only_by_its_indexes(line: LongLine, call: str) -> None:
    reading = line.read(call)
    assert reading.scans == []
    expected = (OPERATIONS | READINGS)[call]
    assert expected - HARMLESS <= reading.indexes <= expected | HARMLESS


@pytest.mark.parametrize("call", AT_THE_ENDS)
def test_a_call_at_the_ends_of_the_line_moves_no_other_ticket(line: LongLine, call: str) -> None:
    written = line.read(call).written
    assert written["tickets"] == AT_THE_ENDS[call]
    assert (
        written["queue_events"]
        == written["services"]
        == (2 if "consulting)s)" in call and "R1" in call else 1)
    )
    assert written["requests"] == 1


def test_a_removal_moves_the_shorter_side_of_the_line(line: LongLine) -> None:
    for place, call in {"first": 1, "middle": WAITING // 2, "last": 1}.items():
        written = line.read(f"cancel_ticket(WHO, %({place})s)").written
        assert written["tickets"] <= call + 1


def test_the_close_of_the_day_writes_each_row_once(line: LongLine) -> None:
    written = line.read("close_day(WHO, 'B')").written
    assert written["tickets"] == written["queue_events"] == LINE_OF_TWENTY
    assert written["services"] == written["requests"] == 1


def test_an_undo_reads_only_by_its_indexes(line: LongLine) -> None:
    with line.reader.connection.transaction(force_rollback=True):
        line.reader.call("park_ticket(WHO, %(middle)s)", line.patients | {"key": "parked"})
        reading = line.read("undo_operation(WHO, 'parked')")
    assert reading.scans == []
    assert {KEY, TICKET, EVENTS, RANK, PLACE} <= reading.indexes
