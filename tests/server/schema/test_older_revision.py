"""A clinic at work on the schema before this one: everything is kept, and it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command

from core.errors import SetupError
from server.checks import integrity, replay
from server.schema import own_database, revisions
from server.schema.upgrade import Upgrade, upgrade_database
from tests.support.old_clinics import OldClinic, bare, server

__all__ = ["bare", "server"]

OLDEST, BEFORE = "0003_queue_operations", "0004_every_operation"
PATIENTS = """
INSERT INTO users (username, display_name, role, password_hash) VALUES ('meyer', 'Meyer', 'staff', '');
INSERT INTO services (code, name, prefix, is_open) VALUES ('A', 'Doctor', 'A', true), ('B', 'Blood', 'B', false);
INSERT INTO counters (code, name) VALUES ('R1', 'One'), ('R2', 'Two');
INSERT INTO counter_services VALUES (1, 1, 1), (1, 2, 2), (2, 1, 1);
-- Two live tickets of an earlier day, by moving the site to the other side of the date line.
UPDATE settings SET time_zone = 'Etc/GMT+12';
SELECT join_queue('user:1', 'y' || n, '', 'A', 'low', 'Amal Haddad') FROM generate_series(1, 2) n;
UPDATE settings SET time_zone = 'Etc/GMT-14';
SELECT join_queue('user:1', 'k' || n, '', 'A', (ARRAY['high', 'medium', 'low'])[n % 3 + 1], 'Bo Larsen')
FROM generate_series(1, 9) n;
SELECT call_next_patient('user:1', 'c1', '', 'R1');
SELECT recall_patient('user:1', 'r', '', id) FROM tickets WHERE status = 'consulting';
SELECT finish_consultation('user:1', 'f', '', id, 'no_show') FROM tickets WHERE status = 'consulting';
SELECT call_next_patient('user:1', 'c2', '', 'R2');
SELECT cancel_ticket('user:1', 'x', '', id) FROM tickets WHERE number = 'A007';
SELECT call_next_patient('user:1', 'c3', '', 'R1');
"""
PARKED = """
DO $$
DECLARE
    s services;
    t tickets;
BEGIN
    SELECT * INTO s FROM services WHERE code = 'A';
    SELECT * INTO t FROM tickets WHERE status = 'consulting' AND counter_id = 1;
    t.status := 'parked';
    t.counter_id := NULL;
    t.started_at := NULL;
    UPDATE tickets SET status = 'parked', counter_id = NULL, started_at = NULL WHERE id = t.id;
    PERFORM append_queue_event(s, 'parked', 'user:1', event_time(s), t, NULL, NULL);
END $$
"""


def apply(clinic: OldClinic, revision: str) -> None:
    """Brings an older schema to a revision that is not the newest."""
    with clinic.engine.begin() as connection:
        configuration = revisions._configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)


@pytest.fixture(params=[OLDEST, BEFORE])
def clinic(bare: OldClinic, request: pytest.FixtureRequest) -> OldClinic:
    """An older schema with patients in every state."""
    apply(bare, OLDEST)
    bare.rows(PATIENTS)
    bare.rows(PARKED)
    apply(bare, request.param)
    return bare


def kept(clinic: OldClinic) -> list[object]:
    """What both schemas have of tickets, history and answered requests."""
    members = "id, number, business_day, priority, status, position_in_queue, counter_id, calls, rank_class, rank_time"
    return [
        clinic.rows(f"SELECT {members}, patient_name FROM tickets ORDER BY id"),
        clinic.rows("SELECT service_id, revision, hash, ticket, before FROM queue_events ORDER BY 1, 2"),
        clinic.rows("SELECT actor, key, result FROM requests ORDER BY 1, 2"),
        clinic.rows("SELECT head, tail, next_number, business_day::text, revision, last_hash FROM services ORDER BY id"),
    ]  # fmt: skip


def test_everything_is_kept_and_sound(clinic: OldClinic, tmp_path: Path) -> None:
    before = kept(clinic)
    statuses = {row[0] for row in clinic.rows("SELECT status FROM tickets")}
    assert statuses == {"waiting", "consulting", "parked", "no_show", "cancelled"}
    done = upgrade_database(clinic.engine, Upgrade(tmp_path, backup=tmp_path / "before"))
    assert done.lines[-1] == "applied 0005_hub_role"
    assert clinic.rows("SELECT hub_role(), current_epoch() = epoch::text FROM settings") == [(True, True)]
    assert (tmp_path / "before").stat().st_mode & 0o777 == 0o600
    assert kept(clinic) == before
    assert list(integrity.integrity_violations(clinic.engine)) == []
    assert list(integrity.broken_links(clinic.engine)) == []
    assert list(replay.replay_differences(clinic.engine)) == []
    assert clinic.rows("SELECT code, state, issued, held_numbers FROM services ORDER BY id") == [
        ("A", "open", 9, [1, 2]),
        ("B", "closed", 0, []),
    ]


def test_a_dry_run_says_the_same_and_changes_nothing(clinic: OldClinic, tmp_path: Path) -> None:
    before = clinic.everything()
    said = upgrade_database(clinic.engine, Upgrade(tmp_path, tmp_path / "before", dry_run=True)).lines
    assert clinic.everything() == before
    assert list(tmp_path.iterdir()) == []
    assert said == upgrade_database(clinic.engine, Upgrade(tmp_path)).lines


def test_the_clinic_goes_on(clinic: OldClinic, tmp_path: Path) -> None:
    upgrade_database(clinic.engine, Upgrade(tmp_path))
    assert list(tmp_path.iterdir()) == []
    parked, waiting = (
        clinic.rows("SELECT id FROM tickets WHERE status = %s ORDER BY joined_at LIMIT 1", (status,))[0][0]
        for status in ("parked", "waiting")
    )
    for act, values in (
        ("join_queue('user:1', 'k1', '', 'A', 'medium', 'Bo Larsen')", ()),
        ("unpark_ticket('user:1', 'n1', '', %s)", (parked,)),
        ("park_ticket('user:1', 'n2', '', %s, 'toilet')", (waiting,)),
        ("undo_operation('user:1', 'n3', '', 'n2')", ()),
        ("set_service_state('user:1', 'n4', '', 'B', 'open')", ()),
        ("transfer_ticket('user:1', 'n5', '', %s, 'B', 'first')", (waiting,)),
        ("call_next_patient('user:1', 'n6', '', 'R1')", ()),
        ("join_queue('user:1', 'n7', '', 'A')", ()),
    ):
        assert clinic.rows(f"SELECT {act} ->> 'result'", values)[0][0]
        assert list(integrity.integrity_violations(clinic.engine)) == [], act
    assert clinic.rows("SELECT number FROM tickets ORDER BY joined_at DESC LIMIT 1") == [("A012",)]
    assert list(replay.replay_differences(clinic.engine)) == []


def test_a_hub_on_anothers_database_only_says_so(clinic: OldClinic) -> None:
    before = clinic.everything()
    with pytest.raises(SetupError, match=r"current schema\. Run `inturn-hub db upgrade` first"):
        own_database.prepare(clinic.url, own=None)
    assert clinic.everything() == before
