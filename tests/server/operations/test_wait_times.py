"""The SQL functions for paces, estimates and waits."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from server.checks.wait_study import running_pace
from tests.support.clinic import Clinic

FINISHED = """
INSERT INTO tickets (service_id, origin_service_id, business_day, number_value, number, priority, status, rank_class,
    rank_time, issued_by, joined_at, called_at, started_at, ended_at)
SELECT s.id, s.id, '2026-01-01', n, 'A' || n, 'medium', 'completed', 1, at, 'user:1', at, at, at, ended_at
FROM services s,
    unnest(CAST(:seconds AS double precision[])) WITH ORDINALITY AS done (seconds, n),
    LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 min' AS ended_at) ended,
    LATERAL (SELECT ended_at - seconds * interval '1 s' AS at) began
WHERE s.code = :service
"""
"""Inserts completed consultations of the lengths `seconds`, the newest last."""


def consult(clinic: Clinic, lengths: list[float], service: str = "A") -> None:
    engine = clinic.engine()
    with engine.begin() as connection:
        connection.execute(text(FINISHED), {"seconds": lengths, "service": service})
    engine.dispose()


def evaluate(clinic: Clinic, expression: str) -> Any:
    """The value of an SQL expression."""
    return clinic.rows(f"SELECT {expression}")[0][0]


def operate(clinic: Clinic, function: str, arguments: str, key: str = "") -> dict[str, Any]:
    """Performs an operation as user 1, and returns its ticket."""
    answer = evaluate(clinic, f"{function}('user:1', '{key or uuid4()}', '', {arguments})")
    ticket: dict[str, Any] = answer["result"]["ticket"]
    return ticket


def noted_wait(clinic: Clinic, ticket: str) -> int | None:
    """The wait of a ticket in seconds, after `log_wait_outcomes`; None if it is not recorded."""
    evaluate(clinic, "log_wait_outcomes('A')")
    waited: int | None = evaluate(clinic, f"waited_seconds FROM wait_estimates WHERE ticket_id = '{ticket}'")
    return waited


def record_estimates(clinic: Clinic, *tickets: str, low: int = 0, high: int = 300) -> int:
    """Records an estimate for the tickets, and returns the number of new records."""
    rows = ", ".join(f"jsonb_build_object('ticket', '{t}', 'low', {low}, 'high', {high})" for t in tickets)
    recorded: int = evaluate(clinic, f"log_wait_estimates(jsonb_build_array({rows}))")
    return recorded


@pytest.mark.parametrize(("count", "forgotten"), [(20, 0), (21, 4), (199, 9), (200, 1), (260, 30)])
def test_the_pace_equals_that_of_simulations(clinic: Clinic, count: int, forgotten: int) -> None:
    random = Random(count)
    lengths = [round(random.lognormvariate(6, 0.7), 3) for _ in range(count)]
    for place in random.sample(range(count), forgotten):
        lengths[place] = 36000.5
    consult(clinic, lengths)
    measured = evaluate(clinic, "update_wait_times_atomic('A')")
    assert (measured["pace"], measured["pace_spread"]) == running_pace(lengths[-200:])
    assert clinic.rows(
        "SELECT pace_seconds, pace_spread_seconds, pace_samples FROM services WHERE code = 'A'"
    ) == [(measured["pace"], measured["pace_spread"], min(count, 200))]


def test_with_fewer_than_twenty_consultations_the_configured_pace_holds(clinic: Clinic) -> None:
    consult(clinic, [60.0] * 19)
    measured = evaluate(clinic, "update_wait_times_atomic('A')")
    assert (measured["pace"], measured["pace_spread"], measured["samples"]) == (600, None, 19)
    row = next(row for row in evaluate(clinic, "services_overview()") if row["code"] == "A")
    assert (row["pace"], row["pace_spread"]) == (600, None)
    clinic.rows("DELETE FROM tickets RETURNING 1")
    consult(clinic, [60.0] * 20)
    assert evaluate(clinic, "update_wait_times_atomic('A')")["pace"] == 60
    clinic.rows("DELETE FROM tickets RETURNING 1")
    assert evaluate(clinic, "update_wait_times_atomic('A')")["pace"] == 600


def test_an_unknown_service_has_no_pace(clinic: Clinic) -> None:
    assert evaluate(clinic, "update_wait_times_atomic('X')") is None


def test_only_a_changed_pace_is_written_and_the_line_stays(clinic: Clinic) -> None:
    consult(clinic, [300.0] * 30)
    line = "SELECT revision, head, tail, next_number, version, last_hash, last_event_at::text FROM services ORDER BY id"
    before, site = clinic.rows(line), evaluate(clinic, "config_revision FROM settings")
    assert evaluate(clinic, "update_wait_times_atomic('A')")["changed"]
    written = clinic.rows("SELECT xmin::text FROM services ORDER BY id")
    assert not evaluate(clinic, "update_wait_times_atomic('A')")["changed"]
    assert clinic.rows("SELECT xmin::text FROM services ORDER BY id") == written
    assert (clinic.rows(line), evaluate(clinic, "config_revision FROM settings")) == (before, site)


def test_only_the_newest_consultations_are_read_by_their_index(clinic: Clinic) -> None:
    consult(clinic, [300.0 + n % 60 for n in range(20_000)])
    consult(clinic, [60.0], "B")
    engine = clinic.engine()
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE tickets"))
    with engine.begin() as connection:
        connection.execute(text("SELECT update_wait_times_atomic('A')"))
        read = connection.execute(
            text("SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'tickets'")
        ).one()
    engine.dispose()
    assert tuple(read) == (0, 200)


def test_the_first_estimate_is_kept_and_unknown_tickets_are_skipped(clinic: Clinic) -> None:
    first, second = (operate(clinic, "join_queue", "'A'")["id"] for _ in range(2))
    assert record_estimates(clinic, first, str(uuid4()), low=300, high=900) == 1
    assert record_estimates(clinic, first, second) == 1
    rows = clinic.rows(
        "SELECT low_seconds, high_seconds, told_at = joined_at, waited_seconds FROM wait_estimates e "
        "JOIN tickets t ON t.id = e.ticket_id ORDER BY t.number"
    )
    assert rows == [(300, 900, True, None), (0, 300, True, None)]


def test_the_wait_ends_with_the_first_call(clinic: Clinic) -> None:
    ticket = operate(clinic, "join_queue", "'A'")["id"]
    record_estimates(clinic, ticket)
    assert noted_wait(clinic, ticket) is None
    clinic.rows("UPDATE tickets SET joined_at = joined_at - interval '10 min' RETURNING 1")
    operate(clinic, "call_next_patient", "'R1'")
    first = noted_wait(clinic, ticket)
    assert first is not None
    assert first >= 600
    clinic.rows("UPDATE tickets SET called_at = called_at + interval '5 min', calls = 2 RETURNING 1")
    assert noted_wait(clinic, ticket) == first


def test_an_undone_call_does_not_end_the_wait(clinic: Clinic) -> None:
    ticket = operate(clinic, "join_queue", "'A'")["id"]
    record_estimates(clinic, ticket)
    operate(clinic, "call_next_patient", "'R1'", key="call")
    assert noted_wait(clinic, ticket) in range(60)
    operate(clinic, "undo_operation", "'call'")
    clinic.rows("UPDATE tickets SET joined_at = joined_at - interval '7 min' RETURNING 1")
    operate(clinic, "call_next_patient", "'R1'")
    assert noted_wait(clinic, ticket) in range(420, 480)


def test_moved_and_transferred_tickets_have_no_recorded_wait(clinic: Clinic) -> None:
    moved, sent, _ = (operate(clinic, "join_queue", "'A'")["id"] for _ in range(3))
    record_estimates(clinic, moved, sent)
    operate(clinic, "move_ticket", f"'{moved}', 3")
    operate(clinic, "transfer_ticket", f"'{sent}', 'B', 'first'")
    for ticket, counter in ((moved, "R1"), (sent, "R2")):
        operate(clinic, "call_patient", f"'{ticket}', '{counter}'")
        assert noted_wait(clinic, ticket) is None


def test_accuracy_counts_waits_within_below_and_above_their_bracket(clinic: Clinic) -> None:
    nothing = {"samples": 0, "within": 0, "below": 0, "above": 0, "mean_absolute_error_seconds": None}
    since = "now() - interval '1 hour'"
    assert evaluate(clinic, f"estimate_accuracy('A', {since})") == nothing
    tickets = [operate(clinic, "join_queue", "'A'")["id"] for _ in range(6)]
    record_estimates(clinic, *tickets, low=300, high=900)
    for ticket, waited in zip(tickets, (299, 300, 600, 900, 901), strict=False):
        clinic.rows(
            f"UPDATE wait_estimates SET waited_seconds = {waited} WHERE ticket_id = '{ticket}' RETURNING 1"
        )
    assert evaluate(clinic, f"estimate_accuracy('A', {since})") == {
        "samples": 5,
        "within": 3,
        "below": 1,
        "above": 1,
        "mean_absolute_error_seconds": 240,
    }
    assert evaluate(clinic, "estimate_accuracy('A', now() + interval '1 hour')") == nothing
    assert evaluate(clinic, f"estimate_accuracy('B', {since})") == nothing
