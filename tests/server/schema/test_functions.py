"""Each SQL function is defined once, installed and recorded by an upgrade, and checked by a hub at its start."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from core.errors import SetupError
from server.database import schema_revision
from server.database.calls import driver_url
from server.schema import installed_functions, own_database, revisions
from server.schema.upgrade import Upgrade, upgrade_database
from tests.support.clinic import Clinic
from tests.support.old_clinics import OldClinic, bare, server
from tests.support.places import ROOT

__all__ = ["bare", "server"]

OTHER_FINGERPRINT = "UPDATE installed_schema SET functions_fingerprint = 'another'"
ALTERED = """
DROP FUNCTION recall_patient;
DROP FUNCTION find_user;
CREATE FUNCTION find_user(p_username text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OR REPLACE FUNCTION refuse_reranking() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
"""
OTHER_BODIES = (
    "CREATE OR REPLACE FUNCTION find_user(p_username text) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(1)'"
)
OBSOLETE = """
CREATE FUNCTION join_twice() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION forget_triggers() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
INSERT INTO installed_functions VALUES ('join_twice()', ''), ('forget_triggers()', '');
CREATE FUNCTION monthly_report() RETURNS void LANGUAGE sql AS '';
"""
SIGNATURES = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


@pytest.fixture
def current(bare: OldClinic) -> OldClinic:
    """A database with the current schema."""
    revisions.upgrade(bare.engine)
    return bare


def functions(clinic: OldClinic) -> set[str]:
    """Signatures of the functions in the schema."""
    return {name for [name] in clinic.rows(SIGNATURES)}


def test_each_function_is_defined_once_and_by_no_revision(clinic: Clinic) -> None:
    defined: Counter[str] = Counter()
    for file in (ROOT / "server").rglob("*.sql"):
        statements = re.sub("--.*", "", file.read_text("utf-8"))
        found = re.findall(
            r"\b(?:FUNCTION|PROCEDURE)\s+(\w+)\s*\(", re.sub("EXECUTE FUNCTION.*", "", statements)
        )
        assert not found or file.parent.name == "functions", file
        defined.update(found)
    assert {name: times for name, times in defined.items() if times > 1} == {}
    in_force = [
        name
        for [name] in clinic.rows("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    ]
    assert sorted(in_force) == sorted(defined)
    assert len(in_force) > 100


def test_an_upgrade_replaces_altered_functions_and_drops_obsolete_functions(
    current: OldClinic, tmp_path: Path
) -> None:
    shipped = functions(current)
    recorded = current.rows("SELECT * FROM installed_functions ORDER BY 1")
    current.rows(ALTERED + OBSOLETE)
    done = upgrade_database(current.engine, Upgrade(tmp_path))
    assert done.lines == ["put the functions in place"]
    assert functions(current) == shipped | {"monthly_report()"}
    assert current.rows("SELECT * FROM installed_functions ORDER BY 1") == recorded
    assert current.rows("SELECT hub_role(), find_user('nobody')") == [(True, None)]
    assert upgrade_database(current.engine, Upgrade(tmp_path)).lines == ["The schema is current."]


def test_a_dry_run_prints_the_same_lines_and_changes_nothing(current: OldClinic, tmp_path: Path) -> None:
    current.rows(ALTERED + OBSOLETE)
    before = current.everything()
    announced = upgrade_database(current.engine, Upgrade(tmp_path, tmp_path / "before", dry_run=True)).lines
    assert current.everything() == before
    assert list(tmp_path.iterdir()) == []
    assert announced == upgrade_database(current.engine, Upgrade(tmp_path, tmp_path / "before")).lines
    assert (tmp_path / "before").stat().st_mode & 0o777 == 0o600


def test_a_hub_starts_on_no_functions_but_its_own(clinic: Clinic, tmp_path: Path) -> None:
    own_database.prepare(clinic.database_url, own=None)
    clinic.rows(OTHER_FINGERPRINT + " RETURNING 1")
    with pytest.raises(
        SetupError, match=r"not the functions of this version .* `inturn-hub db upgrade` first"
    ):
        own_database.prepare(clinic.database_url, own=None)
    own_database.prepare(clinic.database_url, own=tmp_path)
    own_database.prepare(clinic.database_url, own=None)


def test_a_database_without_its_constraints_is_not_current(clinic: Clinic) -> None:
    assert schema_revision.is_current(clinic.database_url)
    clinic.rows("UPDATE installed_schema SET tables_fingerprint = 'another' RETURNING 1")
    assert not schema_revision.is_current(clinic.database_url)


def test_of_four_processes_exactly_one_installs_the_functions(current: OldClinic) -> None:
    current.rows(OTHER_FINGERPRINT)
    transaction = "SELECT DISTINCT xmin::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    engines = [create_engine(current.url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(revisions.upgrade, engines))
    for engine in engines:
        engine.dispose()
    made = current.rows("SELECT count(DISTINCT oid) FROM pg_proc WHERE proname = 'join_queue'")
    assert made == [(1,)]
    assert len(current.rows(transaction)) == 1
    with current.engine.connect() as connection:
        assert list(installed_functions.function_differences(connection)) == []


def test_a_replaced_function_keeps_its_oid(current: OldClinic, tmp_path: Path) -> None:
    """With a new oid, a call of a running hub would end with "cache lookup failed for function"."""
    numbers = current.rows("SELECT oid FROM pg_proc WHERE oid > 16383 ORDER BY 1")
    current.rows(OTHER_BODIES)
    assert upgrade_database(current.engine, Upgrade(tmp_path)).lines == ["put the functions in place"]
    assert current.rows("SELECT oid FROM pg_proc WHERE oid > 16383 ORDER BY 1") == numbers
    assert current.rows("SELECT find_user('nobody')") == [(None,)]


def test_a_foreign_function_is_not_replaced(current: OldClinic) -> None:
    current.rows("CREATE FUNCTION join_queue(text) RETURNS text LANGUAGE sql AS 'SELECT $1'")
    current.rows(OTHER_FINGERPRINT)
    before = current.everything()
    with pytest.raises(
        SetupError, match=r"the function join_queue\(text\) already exists. Nothing was changed"
    ):
        revisions.upgrade(current.engine)
    assert current.everything() == before


def test_an_upgrade_of_functions_locks_no_table(current: OldClinic) -> None:
    """An open transaction of an operation does not hold up an upgrade that only replaces functions."""
    current.rows(OTHER_FINGERPRINT)
    tables = ", ".join(name for [name] in current.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
        "AND tablename NOT LIKE 'installed%'"))  # fmt: skip
    engine = create_engine(driver_url(current.url).replace("postgresql:", "postgresql+psycopg:", 1),
        connect_args={"options": "-c lock_timeout=2s"})  # fmt: skip
    with psycopg.connect(driver_url(current.url)) as operation:
        operation.execute(f"LOCK TABLE {tables} IN ROW EXCLUSIVE MODE".encode())
        revisions.upgrade(engine)
    engine.dispose()


def test_an_invalid_function_stops_the_upgrade(
    current: OldClinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.sql"
    broken.write_text("CREATE FUNCTION broken() RETURNS bigint LANGUAGE sql AS 'SELECT size FROM tickets'")
    files = [*schema_revision.function_files(), broken]
    monkeypatch.setattr(installed_functions, "function_files", lambda: files)
    current.rows(OTHER_FINGERPRINT)
    before = current.everything()
    with pytest.raises(DBAPIError, match='column "size" does not exist'):
        revisions.upgrade(current.engine)
    assert current.everything() == before


def test_functions_go_to_public_whichever_schema_the_search_path_names_first(current: OldClinic) -> None:
    current.rows("CREATE SCHEMA AUTHORIZATION CURRENT_USER")
    current.rows(OTHER_FINGERPRINT)
    revisions.upgrade(current.engine)
    assert current.rows(
        "SELECT DISTINCT pronamespace::regnamespace::text FROM pg_proc WHERE oid > 16383"
    ) == [("public",)]


def test_the_fingerprint_covers_names_and_statements_but_no_comment_and_no_line_ending(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    (tmp_path / "windows").mkdir()
    (tmp_path / "windows" / "a.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    (tmp_path / "commented").mkdir()
    (tmp_path / "commented" / "a.sql").write_bytes(b"-- Two.\nSELECT 1;\n    -- The second.\nSELECT 2;\n")
    (tmp_path / "b.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    (tmp_path / "c.sql").write_bytes(b"SELECT 1;\nSELECT 3;\n")
    names = ("a.sql", "windows/a.sql", "commented/a.sql", "b.sql", "c.sql")
    first, windows, commented, renamed, changed = (
        schema_revision.fingerprint(tmp_path / name) for name in names
    )
    assert windows == commented == first
    assert len({first, renamed, changed}) == 3
