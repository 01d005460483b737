"""`check integrity` reports nothing for a sound database under load, and a sentence for each kind of damage."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from server.checks.integrity import broken_links, integrity_violations, one_moment
from server.checks.replay import replay_differences
from tests.support.busy_lines import BusyLines
from tests.support.clinic import Clinic

UNPROTECTED = """
    SET session_replication_role = replica;
    ALTER TABLE tickets DROP CONSTRAINT chk_position_while_waiting, DROP CONSTRAINT chk_counter_while_consulting,
        DROP CONSTRAINT chk_status, DROP CONSTRAINT idx_unique_queue_position;
    DROP INDEX idx_unique_ticket_number;
    DROP INDEX idx_unique_consulting_counter;
"""


@pytest.fixture
def scene(clinic: Clinic) -> Clinic:
    """A001 was served, A002 is at R1, A003, A004 and A005 wait, A006 is parked, B001 waits. Ten events in A."""
    clinic.rows("SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 6) n")
    clinic.rows("SELECT join_queue('user:1', 'b', '', 'B')")
    clinic.rows("SELECT call_next_patient('user:1', 'c', '', 'R1')")
    clinic.rows(
        "SELECT finish_consultation('user:1', 'f', '', id, 'completed') FROM tickets WHERE number = 'A001'"
    )
    clinic.rows("SELECT call_patient('user:1', 'd', '', id, 'R1') FROM tickets WHERE number = 'A002'")
    clinic.rows("SELECT park_ticket('user:1', 'p', '', id) FROM tickets WHERE number = 'A006'")
    assert found_after(clinic) == []
    return clinic


def found_after(clinic: Clinic, damage: str = "") -> list[str]:
    """The violations after the damage, with the business day written as DAY."""
    engine = clinic.engine()
    if damage:
        with engine.begin() as connection:
            connection.execute(text(UNPROTECTED))
            connection.execute(text(damage))
    [(day,)] = clinic.rows("SELECT business_day_now()::text")
    found = [violation.replace(day, "DAY") for violation in integrity_violations(engine)]
    engine.dispose()
    return found


def ticket(number: str, changes: str) -> str:
    return f"UPDATE tickets SET {changes} WHERE number = '{number}'"


DAMAGED_LINES = [
    (
        ticket("A004", "position_in_queue = position_in_queue - 1"),
        ["A: A003 and A004 both stand in place 1", "A: nobody stands in place 2"],
    ),
    (
        ticket("A005", "position_in_queue = position_in_queue + 10"),
        ["A: A005 stands in place 13 of a line of 3", "A: nobody stands in place 3"],
    ),
    (
        "UPDATE services SET tail = tail + 2 WHERE code = 'A'",
        [
            "A: nobody stands in the places 4 to 5",
            "A: the line has 5 places, waiting: 3",
            "A: event 10 says that 3 wait, but the line has 5 places",
        ],
    ),
    (
        "UPDATE services SET head = head - 1 WHERE code = 'B'",
        [
            "B: nobody stands in place 1",
            "B: the line has 2 places, waiting: 1",
            "B: event 1 says that 1 wait, but the line has 2 places",
        ],
    ),
    (
        ticket("A004", "rank_class = 0, placed_by_hand = true"),
        ["A: A004 in place 2 has a better rank than A003 in place 1"],
    ),
    (ticket("A004", "priority = 'high'"), ["A: A004 of DAY is waiting with a rank that is not its own"]),
]

DAMAGED_TICKETS = [
    (
        ticket("A001", "status = 'lost'"),
        ["A: A001 of DAY has the unknown status lost", "A: A001 of DAY is lost, but completed after event 8"],
    ),
    (
        ticket("A005", "position_in_queue = NULL"),
        [
            "A: nobody stands in place 3",
            "A: A005 of DAY is waiting without a place in line",
        ],
    ),
    (
        ticket("A001", "position_in_queue = 7"),
        ["A: A001 of DAY is completed but has a place in line"],
    ),
    (ticket("A002", "counter_id = NULL"), ["A: A002 of DAY is consulting at no counter"]),
    (ticket("A002", "called_at = NULL"), ["A: A002 of DAY is consulting but was never called"]),
    (ticket("A002", "started_at = NULL"), ["A: A002 of DAY is consulting but has no start"]),
    (ticket("A002", "ended_at = now()"), ["A: A002 of DAY is consulting but has an end"]),
    (ticket("A006", "counter_id = 1"), ["A: A006 of DAY is parked but has a counter"]),
    (ticket("A003", "ended_at = now()"), ["A: A003 of DAY is waiting but has an end"]),
    (ticket("A001", "ended_at = NULL"), ["A: A001 of DAY is completed but has no end"]),
    (
        ticket("B001", "status = 'consulting', counter_id = 1, called_at = now(), started_at = now()")
        + "; UPDATE services SET tail = head WHERE code = 'B'; "
        + ticket("B001", "position_in_queue = NULL"),
        [
            "A: the counter R1 serves 2 patients at once: A002, B001",
            "B: B001 of DAY is consulting, but waiting after event 1",
            "B: event 1 says that 1 wait, but the line has 0 places",
        ],
    ),
    (
        ticket("A006", "status = 'cancelled', ended_at = now()"),
        ["A: A006 of DAY is cancelled, but parked after event 10"],
    ),
    (
        ticket("A006", "service_id = (SELECT id FROM services WHERE code = 'B')"),
        ["B: A006 of DAY belongs to B, but to A after its last event"],
    ),
]

DAMAGED_NUMBERS = [
    (ticket("A004", "number = 'A104'"), ["A: A104 of DAY does not end in its number 004"]),
    (
        ticket("A004", "number = 'A003', number_value = 3"),
        ["A: the number 3 was given 2 times on DAY"],
    ),
    (ticket("B001", "number = 'A001'"), ["A: A001 of DAY was given by A and B"]),
    (
        "UPDATE services SET next_number = 6 WHERE code = 'A'",
        ["A: the next number is 6, but 6 was given already"],
    ),
    ("UPDATE services SET issued = 5 WHERE code = 'A'", ["A: 5 tickets are counted as issued, but 6 were"]),
    ("UPDATE services SET issued = 7 WHERE code = 'A'", ["A: 7 tickets are counted as issued, but 6 were"]),
    (
        "UPDATE services SET business_day = business_day - 1, issued = 0 WHERE code = 'B'",
        ["B: a ticket is of DAY, but its day is YESTERDAY"],
    ),
]

DAMAGED_HISTORY = [
    (
        "UPDATE services SET revision = 12 WHERE code = 'A'",
        ["A: its revision is 12, but its last event is 10"],
    ),
    (
        "DELETE FROM queue_events WHERE service_id = 1 AND revision = 3",
        ["A: 9 events are there, but the last is 10", "A: A003 of DAY has no event"],
    ),
    (
        "UPDATE services SET last_hash = 'x' WHERE code = 'A'",
        ["A: the hash kept for the last event is not that of event 10"],
    ),
    (
        "UPDATE services SET last_event_at = last_event_at - interval '1 hour' WHERE code = 'B'",
        ["B: the time kept for the last event is before event 1"],
    ),
    (
        "UPDATE queue_events SET waiting = 4 WHERE service_id = 1 AND revision = 10",
        ["A: event 10 says that 4 wait, but the line has 3 places"],
    ),
]


@pytest.mark.parametrize(
    ("damage", "sentences"), DAMAGED_LINES + DAMAGED_TICKETS + DAMAGED_NUMBERS + DAMAGED_HISTORY
)
def test_each_damage_has_its_sentence(scene: Clinic, damage: str, sentences: list[str]) -> None:
    [(yesterday,)] = scene.rows("SELECT (business_day_now() - 1)::text")
    expected = [sentence.replace("YESTERDAY", yesterday) for sentence in sentences]
    assert found_after(scene, damage) == expected


def test_a_service_must_have_the_state_of_its_last_event(scene: Clinic) -> None:
    scene.rows("SELECT set_service_state('user:1', 's', '', 'A', 'paused')")
    assert found_after(scene) == []
    assert found_after(scene, "UPDATE services SET state = 'open' WHERE code = 'A'") == [
        "A: it is open, but paused since event 11"
    ]


def test_a_changed_prefix_and_an_undone_join_are_no_violations(scene: Clinic) -> None:
    scene.rows("UPDATE services SET prefix = 'X' WHERE code = 'A' RETURNING 1")
    scene.rows("SELECT join_queue('user:1', 'x', '', 'A')")
    scene.rows("SELECT undo_operation('user:1', 'u', '', 'x')")
    assert found_after(scene) == []


def test_a_check_takes_only_access_share_locks(scene: Clinic) -> None:
    engine = scene.engine()
    with one_moment(engine) as reading, engine.connect() as other:
        process = reading.execute(text("SELECT pg_backend_pid()")).scalar_one()
        reading.execute(text("SELECT * FROM integrity_violations(), broken_links(), ticket_differences()"))
        held = text("SELECT DISTINCT mode FROM pg_locks WHERE pid = :pid AND locktype = 'relation'")
        assert other.execute(held, {"pid": process}).scalars().all() == ["AccessShareLock"]
    engine.dispose()


def test_a_check_reports_nothing_while_operations_run(clinic: Clinic) -> None:
    engine = clinic.engine()

    def hammer(seed: int) -> int:
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            busy = BusyLines(connection, seed, f"player {seed}")
            busy.play(300)
            return busy.played

    checks_done = 0
    with ThreadPoolExecutor(2) as players:
        playing = [players.submit(hammer, seed) for seed in (1, 2)]
        while not all(player.done() for player in playing):
            for check in (integrity_violations, broken_links, replay_differences):
                assert list(check(engine)) == []
            checks_done += 1
    engine.dispose()
    assert sum(player.result() for player in playing) > 300
    assert checks_done > 5
