"""The earlier version's database becomes InTurn's: what is kept, what is repaired, and what stays as it was."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine

from core.errors import SetupError
from server.checks import integrity, replay
from server.database.calls import driver_url
from server.postgres.binaries import find_binaries
from server.schema import own_database
from server.schema.legacy import upgrade as legacy_upgrade
from server.schema.upgrade import Upgrade, upgrade_database
from tests.support.command import inturn_hub
from tests.support.old_clinics import SECRET, OldClinic, bare, damage, old, old_rows, sample, server, upgrade
from tests.support.old_lines import assert_nothing_lost
from tests.support.proof_size import LONG

__all__ = ["bare", "old", "sample", "server"]

DAMAGED_CLINICS = [(1, 40), (2, 150), (3, 300)] + LONG * [(4, 600), (5, 600)]
"""Seeds of the damage and numbers of tickets."""

SAMPLE = [
    (1, "G", "G001", "high", "waiting", 1, None, None),
    (2, "G", "G002", "medium", "waiting", 2, None, None),
    (3, "G", "G003", "medium", "waiting", 3, None, None),
    (4, "G", "G004", "low", "waiting", 4, None, "Number was G003."),
    (5, "G", "G005", "medium", "waiting", 5, None, None),
    (6, "G", "G006", "medium", "waiting", 6, None, None),
    (7, "G", "G008", "medium", "consulting", None, "Recovered 1", "Number was G000."),
    (8, "B", "B001", "medium", "completed", None, None, None),
    (9, "B", "B002", "medium", "completed", None, None, "Completed by the system."),
    (10, "B", "B003", "low", "waiting", 2, None, None),
    (11, "B", "B004", "low", "waiting", 1, None, None),
    (12, "recovered", "X001", "medium", "waiting", 1, None, None),
    (13, "G", "G007", "medium", "cancelled", None, None, "Status was “abandoned”."),
]
REPORT = """\
The old tables' times are taken as local times of UTC (--time-zone).
before: service 1 (General practice): 1 abandoned, 1 consulting, 6 waiting
before: service 2 (Blood tests): 2 completed, 2 waiting
before: service 3 (Pharmacy): no tickets
before: service 9 (missing): 1 waiting
before: 13 tickets
ticket 3 (G003): position 2, now 3 in its line
ticket 4 (G003): number G003 is another ticket's that day, now G004
ticket 5 (G005): priority urgent, now medium
ticket 5 (G005): position 7, now 5 in its line
ticket 6 (G006): no position, now 6 in its line
ticket 7 (G000): number G000, now G008
ticket 7 (G000): consulting at no counter, now at Recovered 1
ticket 9 (B002): completed without a call, now marked as completed by the system
ticket 10 (B003): position 0, now 2 in its line
ticket 12 (X001): service 9 is missing, now in Recovered
ticket 13 (G007): status abandoned, now cancelled
ticket 13 (G007): cancelled without a time, now at 2026-11-20 07:30:00 UTC
after: G (General practice): 1 cancelled, 1 consulting, 6 waiting
after: B (Blood tests): 2 completed, 2 waiting
after: P (Pharmacy): no tickets
after: recovered (Recovered): 1 waiting
after: 13 tickets
Every line is sound."""


def test_the_sample_is_upgraded_to_the_expected_rows(sample: OldClinic, tmp_path: Path) -> None:
    before = old_rows(sample, "public")
    assert "\n".join(upgrade(sample, tmp_path)) == REPORT
    became = sample.rows(
        "SELECT split_part(issued_by, ':', 2)::int, s.code, number, priority, t.status, position_in_queue - head + 1, "
        "c.name, note FROM tickets t JOIN services s ON s.id = service_id LEFT JOIN counters c ON c.id = counter_id "
        "ORDER BY 1"
    )
    assert became == SAMPLE
    assert sample.rows(
        "SELECT code, name, prefix, state, configured_pace_seconds, next_number FROM services ORDER BY id"
    ) == [
        ("G", "General practice", "G", "open", 720, 9),
        ("B", "Blood tests", "B", "open", 300, 5),
        ("P", "Pharmacy", "P", "closed", 240, 1),
        ("recovered", "Recovered", "X", "closed", 600, 2),
    ]
    assert old_rows(sample, "legacy") == before


def test_names_and_times_are_kept(sample: OldClinic, tmp_path: Path) -> None:
    upgrade(sample, tmp_path, time_zone="Europe/Berlin")
    assert sample.rows(
        "SELECT count(*) FROM tickets t JOIN legacy.tickets o ON t.issued_by = 'legacy:' || o.id "
        "WHERE t.patient_name = o.patient_name AND t.joined_at = o.created_at AT TIME ZONE 'Europe/Berlin' "
        "AND t.called_at IS NOT DISTINCT FROM o.called_at AT TIME ZONE 'Europe/Berlin' AND t.business_day = '2026-11-20'"
    ) == [(13,)]
    assert sample.rows("SELECT time_zone FROM settings") == [("Europe/Berlin",)]


def test_a_dry_run_prints_the_same_lines_and_changes_nothing(sample: OldClinic, tmp_path: Path) -> None:
    before = sample.everything()
    announced = upgrade(sample, tmp_path, dry_run=True)
    assert sample.everything() == before
    assert list(tmp_path.iterdir()) == []
    assert announced == upgrade(sample, tmp_path)


def test_a_second_upgrade_changes_nothing(sample: OldClinic, tmp_path: Path) -> None:
    upgrade(sample, tmp_path)
    before, backups = sample.everything(), sorted(tmp_path.iterdir())
    assert upgrade(sample, tmp_path) == ["The schema is current."]
    assert (sample.everything(), sorted(tmp_path.iterdir())) == (before, backups)


def test_of_concurrent_upgrades_exactly_one_does_the_work(sample: OldClinic, tmp_path: Path) -> None:
    engines = [create_engine(sample.url) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda engine: upgrade_database(engine, Upgrade(tmp_path)).lines, engines))
    for engine in engines:
        engine.dispose()
    assert sorted(map(len, done)) == [1, 1, len(REPORT.splitlines())]
    assert len(list(tmp_path.iterdir())) == 1


def test_the_lines_work_after_the_upgrade(sample: OldClinic, tmp_path: Path) -> None:
    upgrade(sample, tmp_path)
    ticket = "(SELECT id FROM tickets WHERE number = %s)"
    call_next = f"call_next_patient('hub', '1', '', 'recovered-1', {ticket}) #>> '{{result,ticket,number}}'"
    assert sample.rows(f"SELECT {call_next}", ("G008",)) == [("G001",)]
    for join in ("join_queue('hub', '2', '', 'G', 'high')", "join_queue('hub', '3', '', 'B', 'medium')"):
        assert sample.rows(f"SELECT {join} #>> '{{result,ticket,position}}'") == [("1",)]
    move = f"move_ticket('hub', '4', '', {ticket}, 1) #>> '{{result,ticket,position}}'"
    assert sample.rows(f"SELECT {move}", ("G006",)) == [("1",)]
    assert sample.rows("SELECT * FROM integrity_violations()") == []


def test_new_numbers_follow_the_highest_of_the_day(sample: OldClinic, tmp_path: Path) -> None:
    sample.rows(
        "UPDATE tickets SET created_at = created_at + (date_trunc('day', now() AT TIME ZONE 'UTC') - '2026-11-20')"
    )
    sample.rows(
        "UPDATE tickets SET created_at = now() AT TIME ZONE 'UTC' WHERE created_at > now() AT TIME ZONE 'UTC'"
    )
    upgrade(sample, tmp_path)
    assert sample.rows("SELECT join_queue('hub', '1', '', 'G') #>> '{result,ticket,number}'") == [("G009",)]


def test_the_backup_holds_the_old_tables_for_its_owner_alone(
    sample: OldClinic, bare: OldClinic, tmp_path: Path
) -> None:
    before = old_rows(sample, "public")
    upgrade(sample, tmp_path)
    (backup,) = tmp_path.iterdir()
    assert re.fullmatch(r"legacy-\d{8}T\d{6}Z\.dump", backup.name)
    assert backup.stat().st_mode & 0o777 == 0o600
    with psycopg.connect(driver_url(sample.url), autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored_once")
    url = driver_url(sample.url).replace(sample.engine.url.database or "", "restored_once")
    program = (sample.server or find_binaries(None)).program("pg_restore")
    subprocess.run([program, f"--dbname={url}", backup], check=True)
    assert old_rows(OldClinic(url, sample.engine, None), "public") == before
    sample.rows("DROP DATABASE restored_once")


def test_objects_that_refer_to_the_old_tables_keep_working(sample: OldClinic, tmp_path: Path) -> None:
    sample.rows(
        "CREATE EXTENSION pg_stat_statements; ALTER TABLE tickets ADD COLUMN room text DEFAULT 'a'; "
        "CREATE VIEW today AS SELECT * FROM tickets; CREATE TABLE files (ticket int REFERENCES tickets); "
        "CREATE INDEX idx_unique_queue_position ON tickets (position_in_queue); INSERT INTO files VALUES (1); "
        "CREATE TABLE alembic_version (version_num varchar(32)); INSERT INTO alembic_version VALUES ('0a1b2c')"
    )
    upgrade(sample, tmp_path)
    assert sample.rows("SELECT count(*) FROM today JOIN files ON files.ticket = today.id") == [(1,)]
    assert sample.rows("SELECT * FROM legacy.alembic_version") == [("0a1b2c",)]
    assert sample.rows("INSERT INTO legacy.tickets (status) VALUES ('new') RETURNING id, room") == [(14, "a")]


def test_a_hub_says_what_to_run_and_upgrades_its_own(sample: OldClinic, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="`inturn-hub db upgrade`"):
        own_database.prepare(sample.url, own=None)
    own_database.prepare(sample.url, own=tmp_path)
    own_database.prepare(sample.url, own=None)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_command_prints_the_same_twice(sample: OldClinic, tmp_path: Path) -> None:
    on = ("db", "upgrade", "--database-url", sample.url, "--time-zone", "Asia/Tokyo")
    dry, wet = inturn_hub(*on, "--dry-run"), inturn_hub(*on, "--backup", str(tmp_path / "b"))
    assert (dry.returncode, wet.returncode) == (0, 0)
    assert (
        dry.stdout
        == wet.stdout
        == REPORT.replace("of UTC", "of Asia/Tokyo").replace("20 07:30:00", "19 22:30:00") + "\n"
    )
    assert "nothing was changed" in dry.stderr
    assert (tmp_path / "b").stat().st_size > 0
    assert inturn_hub(*on).stdout == "The schema is current.\n"


def test_an_empty_old_database_becomes_an_empty_clinic(old: OldClinic, tmp_path: Path) -> None:
    assert upgrade(old, tmp_path)[-3:] == ["before: 0 tickets", "after: 0 tickets", legacy_upgrade.SOUND]


@pytest.mark.parametrize(("seed", "tickets"), DAMAGED_CLINICS)
def test_damage_at_random_loses_nothing(old: OldClinic, tmp_path: Path, seed: int, tickets: int) -> None:
    damage(old, seed, tickets)
    before = old_rows(old, "public")
    announced = upgrade(old, tmp_path, dry_run=True)
    report = upgrade(old, tmp_path)
    assert announced == report
    assert old_rows(old, "legacy") == before
    assert_nothing_lost(old)
    assert list(integrity.integrity_violations(old.engine)) == []
    assert list(integrity.broken_links(old.engine)) == []
    assert list(replay.replay_differences(old.engine)) == []
    texts = [
        *report,
        *(
            row[0]
            for row in old.rows(
                "SELECT e::text FROM queue_events e UNION ALL SELECT e::text FROM admin_events e"
            )
        ),
    ]
    assert not any(SECRET in line for line in texts)
