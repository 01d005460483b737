"""The spine: append-only, gapless, tamper-evident, and empty of names."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.clinic import Clinic


@pytest.fixture
def busy(clinic: Clinic) -> Clinic:
    clinic.rows(
        "SELECT join_queue('user:1', 'k' || n, '', 'A', 'medium', 'Amal Haddad') FROM generate_series(1, 20) n"
    )
    clinic.rows("SELECT call_next_patient('user:1', 'c', '', 'R1')")
    return clinic


@pytest.mark.parametrize(
    "act", ["UPDATE queue_events SET actor = 'x'", "DELETE FROM queue_events", "TRUNCATE queue_events"]
)
def test_history_refuses_to_be_rewritten(busy: Clinic, act: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        busy.rows(act)


def test_a_sound_chain_has_no_broken_link(busy: Clinic) -> None:
    assert busy.rows("SELECT * FROM broken_links()") == []


@pytest.mark.parametrize(
    ("tampering", "link"),
    [
        ("UPDATE queue_events SET ticket = jsonb_set(ticket, '{number}', '\"A999\"') WHERE revision = 7", 7),
        ("UPDATE queue_events SET at = at + interval '1 microsecond' WHERE revision = 12", 12),
        ("DELETE FROM queue_events WHERE revision = 5", 6),
        ("DELETE FROM queue_events WHERE revision = 21", 22),
        ("UPDATE queue_events SET hash = sha256('forged') WHERE revision = 3", 3),
    ],
)
def test_tampering_is_found_where_it_begins(busy: Clinic, tampering: str, link: int) -> None:
    engine = busy.engine()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE queue_events DISABLE TRIGGER ALL"))
        connection.execute(text(tampering))
    engine.dispose()
    assert busy.rows("SELECT chain, revision FROM broken_links()") == [("A", link)]


def test_no_name_is_in_an_event_or_a_stored_answer(busy: Clinic) -> None:
    assert busy.rows("SELECT count(*) FROM queue_events e WHERE e::text LIKE '%Haddad%'") == [(0,)]
    assert busy.rows("SELECT count(*) FROM requests r WHERE r::text LIKE '%Haddad%'") == [(0,)]
    assert busy.rows("SELECT count(*) FROM tickets WHERE patient_name = 'Amal Haddad'") == [(20,)]
