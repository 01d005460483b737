"""Nothing of a dump is executed: no function, check, trigger, rule or statement, however the dump was prepared."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from core.errors import SetupError
from server.backups import scratch_schema
from server.backups.loading_role import ROLE
from server.checks.scratch_hub import scratch_database
from server.database.address import program_arguments
from server.database.copy_in import copy_rows
from server.postgres.client_programs import newest_programs
from server.schema.backup import write_backup
from tests.support.backups import dump, restore_file, what_is_wrong
from tests.support.clinic import Clinic

EVIL = """
    CREATE TABLE stolen (what text);
    CREATE FUNCTION evil() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        COPY (SELECT 1) TO '{file}';
        EXECUTE 'INSERT INTO public.stolen VALUES (current_user)';
        RETURN true;
    END $$;
    CREATE FUNCTION evil_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM public.evil(); RETURN NEW; END $$;
    CREATE FUNCTION evil_index(id bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN RETURN public.evil(); END $$;
"""
WAYS = {
    "check": "ALTER TABLE users ADD CONSTRAINT sound CHECK (public.evil())",
    "check of the site": "ALTER TABLE settings ADD CONSTRAINT sound CHECK (public.evil())",
    "domain": "ALTER DOMAIN site_code ADD CONSTRAINT sound CHECK (public.evil())",
    "trigger": "CREATE TRIGGER z BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION public.evil_trigger();"
    "ALTER TABLE users ENABLE ALWAYS TRIGGER z",
    "index": "CREATE INDEX z ON users (public.evil_index(id))",
    "view": "CREATE MATERIALIZED VIEW z AS SELECT public.evil()",
    "rule": "CREATE RULE z AS ON INSERT TO users DO ALSO SELECT public.evil()",
    "function of InTurn": "CREATE OR REPLACE FUNCTION append_admin_event(p_actor text, p_kind text, p_subject text, "
    "p_details jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS 'SELECT public.evil()'",
    "function of triggers": "CREATE OR REPLACE FUNCTION raise_config_revision() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN PERFORM public.evil(); RETURN NULL; END'",
}
"""Where a dump calls its function `evil` when it is restored by PostgreSQL's own program or used afterwards."""


@pytest.fixture
def engine(clinic: Clinic) -> Iterator[Engine]:
    engine = clinic.engine()
    yield engine
    engine.dispose()


@pytest.fixture
def target(postgres: str) -> Iterator[Engine]:
    """Another clinic without rows, and a table of its own."""
    with scratch_database(postgres) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE stolen (what text)")
        yield engine
        engine.dispose()


@dataclass(frozen=True)
class Trap:
    """A dump, and the file that its function writes when it is called."""

    dump: Path
    file: Path


@pytest.fixture
def trap(request: pytest.FixtureRequest, clinic: Clinic, engine: Engine, tmp_path: Path) -> Trap:
    """A dump with the trap of WAYS that the parameter names."""
    file = tmp_path / "written"
    with engine.begin() as connection:
        for statements in (EVIL.format(file=file), WAYS[request.param]):
            connection.exec_driver_sql(statements, execution_options={"no_parameters": True})
    file.unlink(missing_ok=True)
    dumped = dump(clinic.database_url, tmp_path / "prepared", "-Fc")
    assert not file.exists()
    return Trap(dumped, file)


@pytest.mark.parametrize("trap", WAYS, indirect=True)
def test_a_dump_runs_nothing(trap: Trap, target: Engine) -> None:
    restore_file(target, trap.dump)
    assert not trap.file.exists()
    assert what_is_wrong(target) == []
    with target.connect() as connection:
        assert connection.exec_driver_sql("SELECT what FROM stolen").all() == []
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 3
        assert connection.exec_driver_sql("SELECT 1 FROM pg_proc WHERE proname ~ '^evil'").all() == []


@pytest.mark.parametrize("trap", ["check", "domain", "index", "view"], indirect=True)
def test_the_same_dump_runs_commands_in_postgresqls_own_program(trap: Trap, target: Engine) -> None:
    address, secrets = program_arguments(target.url.render_as_string(hide_password=False))
    command = [newest_programs().program("pg_restore"), f"--dbname={address}", "--clean", "--if-exists"]
    subprocess.run(
        [*command, str(trap.dump)], check=False, capture_output=True, env={**os.environ, **secrets}
    )
    assert trap.file.exists()


@pytest.mark.parametrize(
    ("written", "instead", "sentence"),
    [
        (b"COPY public.users (", b"COPY public.owner (", "its table owner is not InTurn's"),
        (b"COPY public.requests (", b"COPY public.counters (", "has other columns of counters than InTurn"),
        (
            b"COPY public.opening_hours (",
            b"COPY public.pairing_codes (",
            "has other columns of pairing_codes",
        ),
        (b"COPY public.requests (", b"DELETE FROM requests;(", "does not hold the tables that it lists"),
        (b"COPY public.closed_days (", b"COPY pg_catalog.pg_proc (", "has other columns of pg_proc"),
    ],
)
def test_a_dump_whose_statements_were_changed_is_refused(
    clinic: Clinic, engine: Engine, tmp_path: Path, written: bytes, instead: bytes, sentence: str
) -> None:
    write_backup(engine, tmp_path / "b")
    whole = (tmp_path / "b").read_bytes()
    assert whole.count(written) == 1
    assert len(written) == len(instead)
    (tmp_path / "b").write_bytes(whole.replace(written, instead))
    with pytest.raises(SetupError, match=sentence):
        restore_file(engine, tmp_path / "b")
    assert clinic.rows("SELECT count(*) FROM services") == [(3,)]


def test_rows_are_loaded_by_a_role_that_can_do_nothing_else(
    clinic: Clinic, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_backup(engine, tmp_path / "b")
    seen: set[tuple[Any, ...]] = set()

    def look_and_copy(cursor: Any, statement: str, table: str, lines: Iterator[bytes]) -> int:
        cursor.execute(
            "SELECT current_user::text, (SELECT rolsuper OR rolcreaterole OR rolcanlogin FROM pg_roles "
            "WHERE rolname = current_user), (SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid > 16383 "
            "AND has_table_privilege(oid, 'SELECT, UPDATE, DELETE')), "
            "(SELECT count(*) FROM pg_class WHERE relkind = 'r' AND has_table_privilege(oid, 'INSERT')), "
            "(SELECT count(*) FROM pg_proc WHERE proname = 'join_queue' AND has_function_privilege(oid, 'EXECUTE'))"
        )
        seen.update(cursor.fetchall())
        return copy_rows(cursor, statement, table, lines)

    monkeypatch.setattr(scratch_schema, "copy_rows", look_and_copy)
    restore_file(engine, tmp_path / "b")
    assert seen == {(ROLE, False, 0, 1, 0)}
