"""A restore takes the rows of a backup and nothing else of it, keeps what it replaces, and says what it withholds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from core.errors import SetupError
from server.administration import people_and_devices
from server.backups.dump_file import sha256_of
from server.backups.recorded_backup import back_up
from server.backups.swap import Swap
from server.schema.backup import write_backup
from tests.support.backups import dump, kept_in, restore_file, what_is_wrong
from tests.support.clinic import Clinic
from tests.support.old_clinics import OldClinic, bare, old, sample, server, upgrade
from tests.support.older_schemas import fill_older

__all__ = ["bare", "old", "sample", "server"]

JOINS = "SELECT join_queue('user:1', '{0}' || n, '', 'A') FROM generate_series(1, 5) n"
TICKETS = "SELECT id::text, number, status, position_in_queue, joined_at FROM tickets ORDER BY joined_at"


@pytest.fixture
def engine(clinic: Clinic) -> Iterator[Engine]:
    engine = clinic.engine()
    yield engine
    engine.dispose()


@pytest.fixture
def backup(clinic: Clinic, engine: Engine, tmp_path: Path) -> Path:
    """A backup with five tickets, a session and a pairing code; then five more tickets joined."""
    clinic.rows(JOINS.format("before"))
    people_and_devices.pair_device(engine, "kiosk", "New kiosk")
    clinic.rows(
        "INSERT INTO sessions SELECT '\\x01', id, now() + interval '1 h' FROM users WHERE username = 'staff' RETURNING 1"
    )
    back_up(engine, tmp_path / "clinic.dump", "test")
    clinic.rows(JOINS.format("after"))
    return tmp_path / "clinic.dump"


def last_event(clinic: Clinic) -> tuple[str, str, dict[str, Any]]:
    """Kind, actor and details of the last administrative event."""
    [row] = clinic.rows("SELECT kind, actor, details FROM admin_events ORDER BY id DESC LIMIT 1")
    return row[0], row[1], row[2]


def heads(clinic: Clinic) -> dict[str, Any]:
    """The last revision and hash of each chain."""
    query = "SELECT 'administration', admin_revision, encode(admin_last_hash, 'hex') FROM settings UNION ALL "
    rows = clinic.rows(f"{query} SELECT code, revision, encode(last_hash, 'hex') FROM services")
    return {chain: {"revision": revision, "hash": last} for chain, revision, last in rows}


def test_the_rows_come_back_and_the_database_is_sound(clinic: Clinic, engine: Engine, backup: Path) -> None:
    epoch = clinic.rows("SELECT epoch FROM settings")
    restore_file(engine, backup)
    assert [row[1] for row in clinic.rows(TICKETS)] == ["A001", "A002", "A003", "A004", "A005"]
    assert clinic.rows("SELECT epoch FROM settings") != epoch
    assert what_is_wrong(engine) == []
    clinic.rows("SELECT join_queue('user:1', 'k', '', 'A')")
    assert clinic.rows(TICKETS)[-1][1] == "A006"
    people_and_devices.add_user(engine, "later", "staff", "correct horse")


def test_sessions_and_pairing_codes_are_empty(clinic: Clinic, engine: Engine, backup: Path) -> None:
    restore_file(engine, backup)
    assert clinic.rows("SELECT count(*) FROM sessions") == [(0,)]
    assert clinic.rows("SELECT count(*) FROM pairing_codes") == [(0,)]


def test_backup_and_restore_are_in_the_history(clinic: Clinic, engine: Engine, backup: Path) -> None:
    kind, actor, details = last_event(clinic)
    assert (kind, actor, details["sha256"]) == ("backed_up", "test", sha256_of(backup))
    assert details["chains"]["A"]["revision"] == 5
    replaced = heads(clinic)
    restore_file(engine, backup)
    kind, actor, details = last_event(clinic)
    assert (kind, actor, details["sha256"]) == ("restored", "test", sha256_of(backup))
    assert (details["file"], details["replaced"]) == ("clinic.dump", replaced)


def test_what_is_replaced_is_kept_and_can_be_restored(clinic: Clinic, engine: Engine, backup: Path) -> None:
    before = clinic.rows(TICKETS)
    kept = restore_file(engine, backup).kept
    assert kept is not None
    assert [kept] == list(kept_in(backup).glob("before-restore-*.dump"))
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    restore_file(engine, kept)
    assert clinic.rows(TICKETS) == before


def test_what_was_ended_since_stays_ended(clinic: Clinic, engine: Engine, backup: Path) -> None:
    people_and_devices.disable_user(engine, "staff")
    people_and_devices.revoke_device(engine, "Hall kiosk")
    clinic.rows("UPDATE users SET password_hash = 'new' WHERE username = 'admin' RETURNING 1")
    found = restore_file(engine, backup).withheld
    assert (found.accounts, list(found.devices.values())) == (["staff"], ["Hall kiosk"])
    assert found.old_passwords == ["admin"]
    assert clinic.rows("SELECT username FROM users WHERE disabled_at IS NOT NULL") == [("staff",)]
    assert clinic.rows("SELECT name FROM devices WHERE revoked_at IS NOT NULL") == [("Hall kiosk",)]
    assert last_event(clinic)[2]["disabled"] == ["staff"]


def test_what_is_reactivated_is_active(clinic: Clinic, engine: Engine, backup: Path) -> None:
    people_and_devices.disable_user(engine, "staff")
    people_and_devices.revoke_device(engine, "Hall kiosk")
    found = restore_file(engine, backup, reactivate=["Staff", "Hall kiosk"]).withheld
    assert (found.accounts, found.devices) == ([], {})
    assert clinic.rows("SELECT 1 FROM users WHERE disabled_at IS NOT NULL") == []
    assert last_event(clinic)[2]["reactivated"][0] == "staff"


def test_a_restore_into_an_empty_database_withholds_all(bare: OldClinic, backup: Path) -> None:
    done = restore_file(bare.engine, backup, reactivate=["admin"])
    assert done.kept is None
    assert not kept_in(backup).exists()
    assert done.withheld.accounts == ["staff", "supervisor"]
    assert bare.rows("SELECT username FROM users WHERE disabled_at IS NULL") == [("admin",)]
    assert bare.rows("SELECT count(*) FROM devices WHERE revoked_at IS NULL") == [(0,)]
    assert what_is_wrong(bare.engine) == []


def test_a_backup_of_an_older_revision_is_upgraded(
    clinic: Clinic, engine: Engine, bare: OldClinic, tmp_path: Path
) -> None:
    clinic.rows(JOINS.format("old"))
    before = clinic.rows(TICKETS)
    fill_older(bare.engine, clinic)
    file = dump(bare.url, tmp_path / "older", "-Fc")
    clinic.rows(JOINS.format("new"))
    restore_file(engine, file)
    assert clinic.rows(TICKETS) == before
    assert what_is_wrong(engine) == []


def test_the_earlier_versions_tables_come_back_as_plain_data(
    clinic: Clinic, engine: Engine, sample: OldClinic, tmp_path: Path
) -> None:
    sample.rows("""ALTER TABLE tickets ADD "an, odd ""column" jsonb DEFAULT '{"a": "\\t"}'""")
    upgrade(sample, tmp_path)
    write_backup(sample.engine, tmp_path / "backup")
    wanted = sample.rows("SELECT * FROM legacy.tickets ORDER BY id")
    for _ in range(2):
        restore_file(engine, tmp_path / "backup")
    found = clinic.rows("SELECT * FROM legacy.tickets ORDER BY id")
    assert [[str(value) for value in row[:-1]] for row in found] == [
        list(map(str, row[:-1])) for row in wanted
    ]
    assert {row[-1] for row in found} == {'{"a": "\\t"}'}
    assert clinic.rows("SELECT 1 FROM pg_constraint WHERE connamespace = 'legacy'::regnamespace") == []


def test_a_failure_at_the_end_changes_nothing(
    clinic: Clinic, engine: Engine, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = clinic.rows(TICKETS)
    monkeypatch.setattr(Swap, "exchange", lambda _: clinic.rows("SELECT 1/0"))
    with pytest.raises(Exception, match="division by zero"):
        restore_file(engine, backup)
    assert list(kept_in(backup).iterdir()) == []
    assert clinic.rows(TICKETS) == before
    assert clinic.rows("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'inturn_restore%'") == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (
            "UPDATE tickets SET position_in_queue = position_in_queue + 7 WHERE number = 'A005'",
            "A: nobody stands",
        ),
        ("UPDATE settings SET admin_last_hash = 'x'", "administration: event"),
        ("DELETE FROM tickets WHERE number = 'A005'", "A: the line has 5 places"),
    ],
)
def test_an_unsound_backup_is_refused(
    clinic: Clinic, engine: Engine, backup: Path, tmp_path: Path, damage: str, found: str
) -> None:
    restore_file(engine, backup)
    clinic.rows(f"{damage} RETURNING 1")
    write_backup(engine, tmp_path / "unsound")
    with pytest.raises(SetupError, match=f"unsound is not sound: .*{found}"):
        restore_file(engine, tmp_path / "unsound")


def test_other_programs_objects_stay(clinic: Clinic, engine: Engine, backup: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE own (id int); INSERT INTO own VALUES (7)")
        connection.exec_driver_sql("CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 7'")
    restore_file(engine, backup)
    assert clinic.rows("SELECT id, own() FROM own") == [(7, 7)]


@pytest.mark.parametrize(
    "own",
    [
        "VIEW own AS SELECT number FROM tickets",
        "TABLE own (id uuid REFERENCES tickets)",
        "TABLE own (words text[] DEFAULT hub_functions())",
        "FUNCTION own(t tickets) RETURNS int LANGUAGE sql AS 'SELECT 7'",
    ],
)
def test_what_depends_on_a_table_of_inturn_is_named(
    clinic: Clinic, engine: Engine, backup: Path, own: str
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE {own}")
    with pytest.raises(
        SetupError, match=r"depends on its tables: .*own.* Drop that first. Nothing was changed"
    ):
        restore_file(engine, backup)
    assert clinic.rows("SELECT count(*) FROM tickets") == [(10,)]


def test_the_earlier_versions_database_is_not_replaced(sample: OldClinic, backup: Path) -> None:
    before = sample.everything()
    with pytest.raises(SetupError, match="the earlier version's, which a restore does not replace"):
        restore_file(sample.engine, backup)
    assert sample.everything() == before


def test_a_file_that_changes_meanwhile_is_not_restored(
    clinic: Clinic, engine: Engine, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Swap.exchange

    def append_and_exchange(swap: Swap) -> None:
        with backup.open("ab") as file:
            file.write(b"more")
        exchange(swap)

    monkeypatch.setattr(Swap, "exchange", append_and_exchange)
    with pytest.raises(SetupError, match="changed while it was read"):
        restore_file(engine, backup)
    assert clinic.rows("SELECT count(*) FROM tickets") == [(10,)]


def test_an_old_backup_is_not_overwritten(engine: Engine, backup: Path) -> None:
    before = sha256_of(backup)
    with pytest.raises(SetupError, match=r"There is a file .*clinic\.dump already"):
        write_backup(engine, backup)
    assert sha256_of(backup) == before
    assert list(backup.parent.glob(".*.part")) == []


def test_steps_are_reported(engine: Engine, tmp_path: Path) -> None:
    steps: list[str] = []
    write_backup(engine, tmp_path / "b", steps.append)
    assert "saving public.tickets" in steps
