"""The event history is append-only, gapless and tamper-evident, and holds no names."""

from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from server.administration import people_and_devices
from server.checks.integrity import broken_links
from tests.support.clinic import Clinic
from tests.support.tampering import Tampering


@pytest.fixture
def busy(clinic: Clinic) -> Clinic:
    clinic.rows(
        "SELECT join_queue('user:1', 'k' || n, '', 'A', 'medium', 'Amal Haddad') FROM generate_series(1, 20) n"
    )
    clinic.rows("SELECT call_next_patient('user:1', 'c', '', 'R1')")
    return clinic


@pytest.mark.parametrize(
    "statement", ["UPDATE queue_events SET actor = 'x'", "DELETE FROM queue_events", "TRUNCATE queue_events"]
)
def test_history_refuses_to_be_rewritten(busy: Clinic, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        busy.rows(statement)


def test_a_sound_chain_has_no_broken_link(busy: Clinic) -> None:
    assert busy.rows("SELECT * FROM broken_links()") == []


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        (
            "UPDATE queue_events SET ticket = jsonb_set(ticket, '{number}', '\"A999\"') WHERE revision = 7",
            "A: event 7 is not as it was written",
        ),
        (
            "UPDATE queue_events SET at = at + interval '1 microsecond' WHERE revision = 12",
            "A: event 12 is not as it was written",
        ),
        ("UPDATE queue_events SET reason = '' WHERE revision = 12", "A: event 12 is not as it was written"),
        ("DELETE FROM queue_events WHERE revision = 5", "A: event 5 is missing"),
        ("DELETE FROM queue_events WHERE revision BETWEEN 5 AND 8", "A: event 5 is missing"),
        ("DELETE FROM queue_events WHERE revision > 19", "A: event 20 is missing"),
        ("DELETE FROM queue_events", "A: event 1 is missing"),
        (
            "INSERT INTO queue_events SELECT service_id, 22, kind, ticket_id, actor, at, from_position, waiting, before, "
            "ticket, reason, hash FROM queue_events WHERE revision = 21",
            "A: event 22 was added behind the last one",
        ),
        (
            "UPDATE queue_events SET revision = revision + 100 WHERE revision IN (4, 5);"
            "UPDATE queue_events SET revision = 109 - revision WHERE revision > 100",
            "A: event 4 is not as it was written",
        ),
        (
            "UPDATE queue_events SET hash = sha256('forged') WHERE revision = 3",
            "A: event 3 is not as it was written",
        ),
        (
            "UPDATE queue_events SET actor = 'x' WHERE revision = 21; UPDATE queue_events e SET hash = "
            "queue_event_hash(p.hash, e) FROM queue_events p WHERE e.revision = 21 AND p.revision = 20",
            "A: event 21, the last, is not the one that was written",
        ),
        (
            "UPDATE services SET last_hash = 'x' WHERE code = 'A'",
            "A: event 21, the last, is not the one that was written",
        ),
        (
            "UPDATE admin_events SET subject = 'x' WHERE id = 2",
            "administration: event 2 is not as it was written",
        ),
        ("DELETE FROM admin_events WHERE id > 6", "administration: event 7 is missing"),
    ],
)
def test_tampering_is_found_where_it_begins(busy: Clinic, tampering: str, fault: str) -> None:
    engine = busy.engine()
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text(tampering))
    assert list(broken_links(engine)) == [fault]
    engine.dispose()


@pytest.mark.parametrize(
    ("table", "chain", "where"),
    [("queue_events", "A", "service_id = 1"), ("admin_events", "administration", "id > 0")],
)
def test_a_single_changed_byte_is_always_found(busy: Clinic, table: str, chain: str, where: str) -> None:
    busy.rows("SELECT close_day('user:1', 'close', '', 'A')")
    random, engine, columns = Random(100), busy.engine(), set[str]()
    with engine.connect() as connection:
        for _ in range(100):
            tampering = Tampering(connection, table, where)
            number, column = tampering.change_one_byte(random)
            found = connection.execute(text("SELECT chain, revision FROM broken_links()")).all()
            assert (chain, number) in found, (number, column, found)
            columns.add(column)
            connection.rollback()
    engine.dispose()
    assert columns == set(tampering.columns)


def test_cut_off_administration_events_are_found_after_the_next_event(busy: Clinic) -> None:
    engine = busy.engine()
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text("DELETE FROM admin_events WHERE id = (SELECT max(id) FROM admin_events)"))
    people_and_devices.add_service(engine, "V", "Vaccinations", None)
    [fault] = broken_links(engine)
    engine.dispose()
    assert fault.endswith("is missing")


def test_events_and_stored_answers_hold_no_names(busy: Clinic) -> None:
    assert busy.rows("SELECT count(*) FROM queue_events e WHERE e::text LIKE '%Haddad%'") == [(0,)]
    assert busy.rows("SELECT count(*) FROM requests r WHERE r::text LIKE '%Haddad%'") == [(0,)]
    assert busy.rows("SELECT count(*) FROM tickets WHERE patient_name = 'Amal Haddad'") == [(20,)]
