"""Obstacles to an upgrade of the earlier version's database: a sentence names each, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from core.errors import SetupError
from server.database.calls import driver_url
from server.schema import own_database
from server.schema.legacy import database as legacy_database
from server.schema.legacy import repairs as legacy_repairs
from server.schema.upgrade import Upgrade, upgrade_database
from tests.support.old_clinics import OldClinic, bare, old, sample, server, upgrade

__all__ = ["bare", "old", "sample", "server"]


@pytest.mark.parametrize("name", ["taken", "missing/folder"])
def test_without_a_backup_nothing_is_changed(sample: OldClinic, tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_text("another backup")
    before = sample.everything()
    with pytest.raises(SetupError, match=r"another name|can't be written"):
        upgrade_database(sample.engine, Upgrade(tmp_path, tmp_path / name))
    assert sample.everything() == before
    assert (tmp_path / "taken").read_text() == "another backup"


@pytest.mark.parametrize(
    ("obstacle", "sentence"),
    [
        ("CREATE TABLE users (id int)", "relation \"users\" already exists"),
        ("CREATE VIEW counters AS SELECT 1 AS one", "relation \"counters\" already exists"),
        ("CREATE FUNCTION refuse(text, text) RETURNS void LANGUAGE sql AS ''", "refuse(text,text) already exists"),
        ("CREATE SCHEMA legacy; CREATE TABLE legacy.notes (id int)", "Rename it first"),
        ("ALTER TABLE tickets DROP CONSTRAINT tickets_pkey; INSERT INTO tickets (id) VALUES (1)", "no id of their own"),
    ],
)  # fmt: skip
def test_an_obstacle_stops_the_upgrade_in_a_sentence(
    sample: OldClinic, tmp_path: Path, obstacle: str, sentence: str
) -> None:
    sample.rows(obstacle)
    before = sample.everything()
    with pytest.raises(SetupError) as refused:
        upgrade(sample, tmp_path)
    assert sentence in refused.value.message
    assert refused.value.message.endswith("Nothing was changed.")
    assert "\n" not in refused.value.message
    assert sample.everything() == before


def test_an_unsound_line_is_not_written(
    sample: OldClinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sample.everything()
    monkeypatch.setattr(legacy_repairs, "placed_by_hand", lambda keys: {})
    with pytest.raises(SetupError, match=r"better rank than .* Nothing was changed\."):
        upgrade(sample, tmp_path)
    assert sample.everything() == before


def test_old_tables_in_use_are_left_alone(
    sample: OldClinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy_database, "LOCK_TIMEOUT", "100ms")
    with psycopg.connect(driver_url(sample.url)) as writer:
        writer.execute("UPDATE tickets SET status = 'waiting' WHERE id = 1")
        with pytest.raises(SetupError, match="in use: stop the earlier version first"):
            upgrade(sample, tmp_path)
    assert sample.rows("SELECT to_regclass('public.tickets') IS NOT NULL, to_regnamespace('legacy')") == [
        (True, None)
    ]


@pytest.mark.parametrize(
    ("foreign", "sentence"),
    [
        ("CREATE TABLE invoices (id int)", "it has the tables invoices"),
        ("CREATE TABLE tickets (id int); CREATE TABLE services (id int)", "services has no column name"),
        ("CREATE VIEW tickets AS SELECT 1 AS id", "it has the tables tickets"),
    ],
)
def test_another_programs_database_is_not_touched(
    bare: OldClinic, tmp_path: Path, foreign: str, sentence: str
) -> None:
    bare.rows(foreign)
    before = bare.everything()
    for attempt in (lambda: upgrade(bare, tmp_path), lambda: own_database.prepare(bare.url, own=None)):
        with pytest.raises(SetupError, match=f"another program's: .*{sentence}.*Nothing was changed"):
            attempt()
    assert bare.everything() == before


def test_tables_of_another_shape_under_the_old_names_are_refused(old: OldClinic, tmp_path: Path) -> None:
    old.rows("ALTER TABLE tickets ALTER created_at TYPE timestamptz")
    with pytest.raises(SetupError, match=r"column tickets\.created_at is of the type timestamp with"):
        upgrade(old, tmp_path)


def test_an_unknown_time_zone_is_refused_in_a_sentence(sample: OldClinic, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="There is no time zone Mars"):
        upgrade(sample, tmp_path, time_zone="Mars")
