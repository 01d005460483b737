"""Paces, estimates and outcomes in the database: what the SQL functions promise."""

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
"""Completed consultations of these lengths, the last the newest."""


def consult(clinic: Clinic, lengths: list[float], service: str = "A") -> None:
    engine = clinic.engine()
    with engine.begin() as connection:
        connection.execute(text(FINISHED), {"seconds": lengths, "service": service})
    engine.dispose()


def ask(clinic: Clinic, value: str) -> Any:
    """What one expression is."""
    return clinic.rows(f"SELECT {value}")[0][0]


def act(clinic: Clinic, function: str, arguments: str, key: str = "") -> dict[str, Any]:
    """The ticket after an operation of user 1."""
    answer = ask(clinic, f"{function}('user:1', '{key or uuid4()}', '', {arguments})")
    ticket: dict[str, Any] = answer["result"]["ticket"]
    return ticket


def outcome(clinic: Clinic, ticket: str) -> int | None:
    """Seconds that a ticket's patient waited, as noted now; None: not noted."""
    ask(clinic, "log_wait_outcomes('A')")
    waited: int | None = ask(clinic, f"waited_seconds FROM wait_estimates WHERE ticket_id = '{ticket}'")
    return waited


def told(clinic: Clinic, *tickets: str, low: int = 0, high: int = 300) -> int:
    """Notes an estimate for tickets; how many were new."""
    rows = ", ".join(f"jsonb_build_object('ticket', '{t}', 'low', {low}, 'high', {high})" for t in tickets)
    noted: int = ask(clinic, f"log_wait_estimates(jsonb_build_array({rows}))")
    return noted


@pytest.mark.parametrize(("count", "forgotten"), [(20, 0), (21, 4), (199, 9), (200, 1), (260, 30)])
def test_the_pace_is_the_one_that_simulations_use(clinic: Clinic, count: int, forgotten: int) -> None:
    random = Random(count)
    lengths = [round(random.lognormvariate(6, 0.7), 3) for _ in range(count)]
    for place in random.sample(range(count), forgotten):
        lengths[place] = 36000.5
    consult(clinic, lengths)
    measured = ask(clinic, "update_wait_times_atomic('A')")
    assert (measured["pace"], measured["pace_spread"]) == running_pace(lengths[-200:])
    assert clinic.rows(
        "SELECT pace_seconds, pace_spread_seconds, pace_samples FROM services WHERE code = 'A'"
    ) == [(measured["pace"], measured["pace_spread"], min(count, 200))]


def test_with_fewer_than_twenty_the_configured_pace_holds(clinic: Clinic) -> None:
    consult(clinic, [60.0] * 19)
    measured = ask(clinic, "update_wait_times_atomic('A')")
    assert (measured["pace"], measured["pace_spread"], measured["samples"]) == (600, None, 19)
    row = next(row for row in ask(clinic, "services_overview()") if row["code"] == "A")
    assert (row["pace"], row["pace_spread"]) == (600, None)
    clinic.rows("DELETE FROM tickets RETURNING 1")
    consult(clinic, [60.0] * 20)
    assert ask(clinic, "update_wait_times_atomic('A')")["pace"] == 60
    clinic.rows("DELETE FROM tickets RETURNING 1")
    assert ask(clinic, "update_wait_times_atomic('A')")["pace"] == 600


def test_a_service_nobody_knows_has_no_pace(clinic: Clinic) -> None:
    assert ask(clinic, "update_wait_times_atomic('X')") is None


def test_only_a_change_is_written_and_the_line_stays_as_it_is(clinic: Clinic) -> None:
    consult(clinic, [300.0] * 30)
    line = "SELECT revision, head, tail, next_number, version, last_hash, last_event_at::text FROM services ORDER BY id"
    before, site = clinic.rows(line), ask(clinic, "config_revision FROM settings")
    assert ask(clinic, "update_wait_times_atomic('A')")["changed"]
    written = clinic.rows("SELECT xmin::text FROM services ORDER BY id")
    assert not ask(clinic, "update_wait_times_atomic('A')")["changed"]
    assert clinic.rows("SELECT xmin::text FROM services ORDER BY id") == written
    assert (clinic.rows(line), ask(clinic, "config_revision FROM settings")) == (before, site)


def test_only_the_newest_are_read_by_their_index(clinic: Clinic) -> None:
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


def test_the_first_word_counts_and_unknown_tickets_are_passed_over(clinic: Clinic) -> None:
    first, second = (act(clinic, "join_queue", "'A'")["id"] for _ in range(2))
    assert told(clinic, first, str(uuid4()), low=300, high=900) == 1
    assert told(clinic, first, second) == 1
    rows = clinic.rows(
        "SELECT low_seconds, high_seconds, told_at = joined_at, waited_seconds FROM wait_estimates e "
        "JOIN tickets t ON t.id = e.ticket_id ORDER BY t.number"
    )
    assert rows == [(300, 900, True, None), (0, 300, True, None)]


def test_the_first_call_is_what_came_whatever_follows(clinic: Clinic) -> None:
    ticket = act(clinic, "join_queue", "'A'")["id"]
    told(clinic, ticket)
    assert outcome(clinic, ticket) is None
    clinic.rows("UPDATE tickets SET joined_at = joined_at - interval '10 min' RETURNING 1")
    act(clinic, "call_next_patient", "'R1'")
    first = outcome(clinic, ticket)
    assert first is not None
    assert first >= 600
    clinic.rows("UPDATE tickets SET called_at = called_at + interval '5 min', calls = 2 RETURNING 1")
    assert outcome(clinic, ticket) == first


def test_a_call_that_was_undone_does_not_count(clinic: Clinic) -> None:
    ticket = act(clinic, "join_queue", "'A'")["id"]
    told(clinic, ticket)
    act(clinic, "call_next_patient", "'R1'", key="call")
    assert outcome(clinic, ticket) in range(60)
    act(clinic, "undo_operation", "'call'")
    clinic.rows("UPDATE tickets SET joined_at = joined_at - interval '7 min' RETURNING 1")
    act(clinic, "call_next_patient", "'R1'")
    assert outcome(clinic, ticket) in range(420, 480)


def test_a_persons_decision_is_no_error_of_the_estimate(clinic: Clinic) -> None:
    moved, sent, _ = (act(clinic, "join_queue", "'A'")["id"] for _ in range(3))
    told(clinic, moved, sent)
    act(clinic, "move_ticket", f"'{moved}', 3")
    act(clinic, "transfer_ticket", f"'{sent}', 'B', 'first'")
    for ticket, counter in ((moved, "R1"), (sent, "R2")):
        act(clinic, "call_patient", f"'{ticket}', '{counter}'")
        assert outcome(clinic, ticket) is None


def test_accuracy_counts_waits_in_below_and_above_their_bracket(clinic: Clinic) -> None:
    nothing = {"samples": 0, "within": 0, "below": 0, "above": 0, "mean_absolute_error_seconds": None}
    since = "now() - interval '1 hour'"
    assert ask(clinic, f"estimate_accuracy('A', {since})") == nothing
    tickets = [act(clinic, "join_queue", "'A'")["id"] for _ in range(6)]
    told(clinic, *tickets, low=300, high=900)
    for ticket, waited in zip(tickets, (299, 300, 600, 900, 901), strict=False):
        clinic.rows(
            f"UPDATE wait_estimates SET waited_seconds = {waited} WHERE ticket_id = '{ticket}' RETURNING 1"
        )
    assert ask(clinic, f"estimate_accuracy('A', {since})") == {
        "samples": 5,
        "within": 3,
        "below": 1,
        "above": 1,
        "mean_absolute_error_seconds": 240,
    }
    assert ask(clinic, "estimate_accuracy('A', now() + interval '1 hour')") == nothing
    assert ask(clinic, f"estimate_accuracy('B', {since})") == nothing
