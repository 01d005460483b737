"""A backup is read before anything is touched; what `db restore` can't use is refused with what to do."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import SetupError
from server.backups.contents import inspect_backup
from server.schema.backup import write_backup
from tests.support.backups import dump
from tests.support.clinic import Clinic
from tests.support.old_clinics import OldClinic, bare, old, sample, server

__all__ = ["bare", "old", "sample", "server"]

JOINS = "SELECT join_queue('user:1', 'k' || n, '', 'A') FROM generate_series(1, 5) n"


@pytest.fixture
def backup(clinic: Clinic, tmp_path: Path) -> Path:
    """A backup with five tickets of a clinic whose name has a tab and a backslash."""
    clinic.rows(r"UPDATE settings SET site_name = E'Dr. \tMüller\\n & Söhne' RETURNING 1")
    clinic.rows(JOINS)
    engine = clinic.engine()
    write_backup(engine, tmp_path / "clinic.dump")
    engine.dispose()
    return tmp_path / "clinic.dump"


def refusal(file: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(SetupError) as refused:
        inspect_backup(file)
    return refused.value.message


def test_a_backup_tells_its_clinic_revision_tickets_and_time(backup: Path) -> None:
    found = inspect_backup(backup)
    assert found.clinic == "Dr. \tMüller\\n & Söhne"
    assert found.revision.startswith("000")
    assert (found.tickets, found.first_day, found.last_day) == (5, found.last_day, found.first_day)
    assert isinstance(found.last_day, date)
    assert timedelta(0) <= datetime.now(UTC) - found.dump.made_at < timedelta(minutes=10)
    assert [a.username for a in found.accounts] == ["staff", "supervisor", "admin"]
    assert [d.name for d in found.devices] == ["Hall kiosk", "Hall monitor"]
    assert "tickets: 5" in found.summary()


@pytest.mark.parametrize("keep", [10, 3000, -2000])
def test_a_cut_off_backup_is_refused(backup: Path, keep: int) -> None:
    backup.write_bytes(backup.read_bytes()[:keep])
    assert re.search("is damaged.* Nothing was changed.$", refusal(backup))


@pytest.mark.parametrize("change", [b"", b"\n", b"PGDM", b"\x1f\x8b\x08 something", b"SELECT 1;\n" * 1000])
def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, change: bytes) -> None:
    (tmp_path / "file").write_bytes(change)
    assert "is no backup: `inturn-hub db backup` did not write it" in refusal(tmp_path / "file")


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"There is no backup {tmp_path}."
    assert refusal(tmp_path / "none") == f"There is no backup {tmp_path / 'none'}."


def test_another_programs_dump_is_refused(bare: OldClinic, tmp_path: Path) -> None:
    bare.rows("CREATE TABLE parts (id int); CREATE TABLE tickets (id int); CREATE TABLE services (seat text)")
    file = dump(bare.url, tmp_path / "other", "--format=custom")
    assert "another program's: it has the tables parts, services, tickets. Nothing was changed." in refusal(
        file
    )


def test_a_dump_of_an_empty_database_is_refused(bare: OldClinic, tmp_path: Path) -> None:
    assert "another program's: it has no tables" in refusal(dump(bare.url, tmp_path / "empty", "-Fc"))


@pytest.mark.parametrize(("options", "program"), [(("-Fc",), "pg_restore --no-owner"), ((), "psql")])
def test_the_earlier_versions_dump_is_refused_with_what_to_do(
    sample: OldClinic, tmp_path: Path, options: tuple[str, ...], program: str
) -> None:
    sentence = refusal(dump(sample.url, tmp_path / "old", *options))
    assert "is a dump of the earlier version, not a backup of InTurn" in sentence
    assert f"into an empty database of its own (`{program}" in sentence
    assert "then run `inturn-hub db upgrade --database-url URL`" in sentence


def test_an_own_dump_in_plain_text_is_refused_with_what_to_do(clinic: Clinic, tmp_path: Path) -> None:
    sentence = refusal(dump(clinic.database_url, tmp_path / "plain"))
    assert "is a dump in plain text; `db restore` takes what `db backup` writes" in sentence


@pytest.mark.parametrize("options", [("--schema-only",), ("--exclude-table-data=tickets",)])
def test_a_dump_without_rows_is_refused(clinic: Clinic, tmp_path: Path, options: tuple[str, ...]) -> None:
    file = dump(clinic.database_url, tmp_path / "part", "-Fc", *options)
    assert "holds no rows of " in refusal(file)


def test_a_dump_of_statements_is_refused(clinic: Clinic, tmp_path: Path) -> None:
    file = dump(clinic.database_url, tmp_path / "inserts", "-Fc", "--inserts")
    assert "holds alembic_version, installed_schema, settings" in refusal(file)


def test_a_newer_versions_backup_is_refused(clinic: Clinic, tmp_path: Path) -> None:
    clinic.rows("UPDATE alembic_version SET version_num = '9999_future' RETURNING 1")
    file = dump(clinic.database_url, tmp_path / "newer", "-Fc")
    assert "made by a newer InTurn (its schema is 9999_future). Please install that version" in refusal(file)


def test_other_columns_of_a_table_are_refused(clinic: Clinic, tmp_path: Path) -> None:
    engine = clinic.engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users RENAME username TO login")
    engine.dispose()
    assert "its table users is not InTurn's" in refusal(dump(clinic.database_url, tmp_path / "d", "-Fc"))
