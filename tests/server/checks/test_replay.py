"""`check replay` rebuilds the lines from the history alone, and names every difference from the tables."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from server.checks import replay
from server.checks.integrity import broken_links, integrity_violations
from server.checks.replay import replay_differences
from tests.support.busy_lines import BusyLines
from tests.support.clinic import Clinic


def differences(clinic: Clinic, damage: str = "") -> list[str]:
    """The differences after the damage, with the business day written as DAY."""
    engine = clinic.engine()
    if damage:
        with engine.begin() as connection:
            connection.execute(text("SET session_replication_role = replica"))
            connection.execute(text(damage))
    [(day,)] = clinic.rows("SELECT business_day_now()::text")
    found = [difference.replace(day, "DAY") for difference in replay_differences(engine)]
    engine.dispose()
    return found


@pytest.fixture
def scene(clinic: Clinic) -> Clinic:
    """A001 is at R1, A002 and A003 wait, A004 is parked, A005 waits in B. Seven events in A, one in B."""
    clinic.rows("SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 5) n")
    clinic.rows("SELECT call_next_patient('user:1', 'c', '', 'R1')")
    clinic.rows("SELECT park_ticket('user:1', 'p', '', id) FROM tickets WHERE number = 'A004'")
    clinic.rows("SELECT transfer_ticket('user:1', 't', '', id, 'B') FROM tickets WHERE number = 'A005'")
    assert differences(clinic) == []
    return clinic


@pytest.mark.parametrize("seed", range(3))
def test_replayed_lines_equal_the_tables(clinic: Clinic, seed: int) -> None:
    engine = clinic.engine()
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("UPDATE services SET head_start = '30 min' WHERE code = 'A'"))
        connection.execute(text("UPDATE services SET no_shows = 2 WHERE code = 'B'"))
        BusyLines(connection, seed).play(400)
    kinds = {kind for (kind,) in clinic.rows("SELECT DISTINCT kind FROM queue_events")}
    for check in (replay_differences, integrity_violations, broken_links):
        assert list(check(engine)) == []
    engine.dispose()
    assert {"joined", "called", "undone", "transferred_out", "transferred_in", "moved", "updated"} <= kinds


def test_replayed_imports_equal_the_tables(clinic: Clinic) -> None:
    row = {
        "number": "A007",
        "number_value": 7,
        "priority": "low",
        "status": "waiting",
        "calls": 0,
        "needs": [],
    }
    row |= {"issued_by": "import", "joined_at": "2026-01-05T09:00:00Z", "origin_service_id": 1}
    later = row | {"number": "A008", "number_value": 8, "joined_at": "2026-01-05T09:05:00Z"}
    over = row | {
        "number": "A006",
        "number_value": 6,
        "status": "completed",
        "ended_at": "2026-01-05T09:30:00Z",
    }
    clinic.rows(f"SELECT import_tickets('A', 'import', '{json.dumps([over, row, later])}')")
    clinic.rows("SELECT join_queue('user:1', 'k', '', 'A', 'high')")
    assert differences(clinic) == []


@pytest.mark.parametrize(
    ("damage", "sentences"),
    [
        (
            "UPDATE tickets SET position_in_queue = CASE number WHEN 'A002' THEN p.b ELSE p.a END FROM (SELECT "
            "min(position_in_queue) a, max(position_in_queue) b FROM tickets WHERE service_id = 1) p "
            "WHERE number IN ('A002', 'A003')",
            ["A: place 1 is A003's, but A002's by its history"],
        ),
        (
            "UPDATE tickets SET status = 'cancelled', position_in_queue = NULL WHERE number = 'A003'",
            [
                "A: place 2 is empty, but A003's by its history",
                "A: the status of A003 of DAY is cancelled, but waiting after event 3",
            ],
        ),
        (
            "UPDATE tickets SET status = 'completed' WHERE number = 'A001'",
            [
                "A: A001 is being served by its history, but not in the table",
                "A: the status of A001 of DAY is completed, but consulting after event 6",
            ],
        ),
        (
            "UPDATE tickets SET status = 'parked', counter_id = NULL WHERE number = 'A001'",
            [
                "A: A001 is being served by its history, but not in the table",
                "A: A001 is parked, but not by its history",
                "A: the counter of A001 of DAY is none, but R1 after event 6",
                "A: the status of A001 of DAY is parked, but consulting after event 6",
            ],
        ),
        (
            "UPDATE tickets SET calls = 3, language = 'ar' WHERE number = 'A005'",
            [
                "B: the calls of A005 of DAY is 3, but 0 after event 1",
                "B: the language of A005 of DAY is ar, but none after event 1",
            ],
        ),
        (
            "DELETE FROM queue_events WHERE service_id = 1 AND revision = 2",
            [
                "A: event 3 (joined) does not fit the line that the events before it make",
                "A: A002 of DAY has no event",
            ],
        ),
        (
            "UPDATE queue_events SET from_position = 1 WHERE service_id = 1 AND kind = 'parked'",
            ["A: event 7 (parked) does not fit the line that the events before it make"],
        ),
        (
            "UPDATE queue_events SET ticket = ticket - 'number' WHERE service_id = 1 AND revision = 6",
            [
                "A: event 6 shows a ticket that can't be",
                "A: the number of A001 of DAY is A001, but none after event 6",
            ],
        ),
        (
            "UPDATE services SET revision = 9 WHERE code = 'A'",
            ["A: its history ends at event 8, but its revision is 9"],
        ),
        (
            "DELETE FROM tickets WHERE number = 'A004'",
            [
                "A: A004 is parked by its history, but not in the table",
                "A: the ticket of event 7 is gone",
            ],
        ),
    ],
)
def test_a_difference_is_named(scene: Clinic, damage: str, sentences: list[str]) -> None:
    assert differences(scene, damage) == sentences


def test_many_differences_are_counted(scene: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "FIRST", 2)
    found = differences(scene, "UPDATE tickets SET calls = 9")
    assert found == [
        "A: the calls of A002 of DAY is 9, but 0 after event 2",
        "A: the calls of A003 of DAY is 9, but 0 after event 3",
        "A: … and 2 more",
        "B: the calls of A005 of DAY is 9, but 0 after event 1",
    ]
