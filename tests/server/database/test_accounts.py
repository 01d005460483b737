"""The hub's account: the owner, a login that may only serve, or an owner without CREATEROLE; and the privileges after
a backup, a restore and an upgrade.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Engine, make_url, text

from core.client.hub_client import HubClient
from server.checks.schema_objects import role_findings
from server.checks.scratch_hub import hub_process
from server.database.address import driver_url, program_arguments
from server.postgres.binaries import find_binaries
from server.postgres.embedded import EmbeddedPostgres
from server.schema import hub_role, revisions
from server.schema.backup import write_backup
from server.schema.engine import administration_engine
from server.schema.upgrade import Upgrade, upgrade_database
from tests.support.backups import restore_file
from tests.support.clinic import Clinic
from tests.support.command import inturn_hub
from tests.support.older_schemas import make_older
from tests.support.private_clusters import FAST, query

OPEN_TO_ALL = (
    "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
    "AND has_function_privilege('public', oid, 'EXECUTE')"
)


@contextmanager
def login(url: str, options: str) -> Iterator[str]:
    """The URL of the same database for a new account, which is dropped afterwards."""
    name = f"login_{token_hex(4)}"
    query(driver_url(url), f"CREATE ROLE {name} LOGIN {options}")
    try:
        yield make_url(url).set(username=name).render_as_string(hide_password=False)
    finally:
        query(driver_url(url), f"DROP OWNED BY {name}")
        query(driver_url(url), f"DROP ROLE {name}")


@contextmanager
def database_of(url: str, owner: str) -> Iterator[str]:
    """The URL of an empty database that the account of the URL `owner` owns."""
    account, name = make_url(owner).username, f"of_{token_hex(4)}"
    query(driver_url(url), f"CREATE DATABASE {name} OWNER {account}")
    try:
        yield make_url(owner).set(database=name).render_as_string(hide_password=False)
    finally:
        query(driver_url(url), f"DROP DATABASE {name} WITH (FORCE)")


def answer(url: str, statement: str) -> object:
    """The only value in a statement's result."""
    [(value,)] = query(driver_url(url), statement)
    return value


async def test_a_login_that_may_only_serve_serves(clinic: Clinic) -> None:
    with login(clinic.database_url, f"IN ROLE {hub_role.ROLE}") as account:
        with hub_process(account) as hub:
            async with HubClient(hub, clinic.staff) as desk, HubClient(hub, clinic.kiosk) as kiosk:
                joined = await kiosk.join_queue("A")
                called = await desk.call_next_patient("R1")
                assert called.ticket is not None
                assert called.ticket.id == joined.id
                await desk.complete(joined.id)
        with psycopg.connect(driver_url(account)) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT password_hash FROM users")
        for command in (("user", "list"), ("db", "upgrade")):
            done = inturn_hub(*command, "--database-url", account)
            assert (done.returncode, done.stdout) == (1, "")
            assert (
                "hub's own account, which can only `serve`. Give the URL of the database's owner"
                in done.stderr
            )


def test_an_account_that_only_serves_reports_an_older_schema(clinic: Clinic) -> None:
    clinic.rows(make_older())
    with login(clinic.database_url, f"IN ROLE {hub_role.ROLE}") as account:
        done = inturn_hub("serve", "--port", "0", "--database-url", account)
    assert done.returncode == 1
    assert "Run `inturn-hub db upgrade` first" in done.stderr


def test_an_owner_without_createrole_serves_and_is_warned(clinic: Clinic) -> None:
    with login(clinic.database_url, "") as owner, database_of(clinic.database_url, owner) as url:
        engine = administration_engine(url)
        revisions.upgrade(engine)
        assert answer(url, "SELECT hub_role()") is False
        assert answer(url, "SELECT current_epoch() = epoch::text FROM settings") is True
        account = make_url(url).username
        with engine.connect() as connection:
            [finding] = role_findings(connection)
        engine.dispose()
        assert finding.level == "warning"
        assert (
            f"so that they act as {account}. A superuser should run: GRANT inturn_hub TO {account};"
            in finding.text
        )
        with hub_process(url):
            pass
        query(driver_url(clinic.database_url), f"GRANT {hub_role.ROLE} TO {account}")
        assert answer(url, "SELECT hub_role()") is True


def test_a_finding_reports_a_server_without_the_role(clinic: Clinic) -> None:
    engine = clinic.engine()
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text(f"ALTER ROLE {hub_role.ROLE} RENAME TO other_{token_hex(4)}"))
        [finding] = role_findings(connection)
        transaction.rollback()
    engine.dispose()
    assert finding.level == "warning"
    assert f"There is no role {hub_role.ROLE}, so that hubs act as" in finding.text


def test_an_upgrade_repairs_privileges(clinic: Clinic, tmp_path: Path) -> None:
    engine = clinic.engine()
    with engine.begin() as connection:
        connection.execute(text("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC, inturn_hub"))
        connection.execute(text("ALTER FUNCTION join_queue RESET ALL"))
    assert upgrade_database(engine, Upgrade(tmp_path)).lines == ["The schema is current."]
    with engine.connect() as connection:
        assert list(role_findings(connection)) == []
    engine.dispose()
    assert clinic.rows(OPEN_TO_ALL) == [(0,)]
    assert clinic.rows("SELECT has_function_privilege('inturn_hub', 'refuse(text, text)', 'EXECUTE')") == [
        (False,)
    ]


@pytest.fixture
def other_server(cluster_data: Path, tmp_path: Path) -> Iterator[Engine]:
    """A database on a server of the test's own that has no role `inturn_hub`."""
    shutil.copytree(cluster_data, tmp_path / "other_server" / "data")
    with EmbeddedPostgres(tmp_path / "other_server", options=FAST) as server:
        engine = administration_engine(server.start())
        yield engine
        engine.dispose()


def program(name: str, url: str, *arguments: str) -> int:
    """The exit code of one of PostgreSQL's programs."""
    address, _ = program_arguments(url)
    command = [find_binaries(None).program(name), f"--dbname={address}", *arguments]
    return subprocess.run(command, check=False).returncode


def test_a_dump_with_privileges_is_restored_where_there_is_no_role(
    clinic: Clinic, other_server: Engine, tmp_path: Path
) -> None:
    dump = tmp_path / "dump"
    assert program("pg_dump", clinic.database_url, "--format=custom", f"--file={dump}") == 0
    restore_file(other_server, dump)
    with other_server.connect() as connection:
        assert connection.execute(text("SELECT hub_role()")).scalar_one() is True
        assert connection.execute(text(OPEN_TO_ALL)).scalar_one() == 0
        assert list(role_findings(connection)) == []


def test_a_backup_restored_by_hand_has_a_new_epoch_and_an_upgrade_repairs_it(
    clinic: Clinic, other_server: Engine, tmp_path: Path
) -> None:
    engine = clinic.engine()
    write_backup(engine, tmp_path / "backup")
    engine.dispose()
    url = other_server.url.render_as_string(hide_password=False)
    assert program("pg_restore", url, "--clean", "--if-exists", "--no-owner", str(tmp_path / "backup")) == 0
    [(before,)] = clinic.rows("SELECT current_epoch()")
    assert before == str(clinic.rows("SELECT epoch FROM settings")[0][0])
    with other_server.begin() as connection:
        assert [finding.level for finding in role_findings(connection)] == ["warning"]
        epoch = connection.execute(text("SELECT current_epoch()")).scalar_one()
    assert epoch != before
    upgrade_database(other_server, Upgrade(tmp_path))
    with other_server.begin() as connection:
        assert list(role_findings(connection)) == []
        assert connection.execute(text("SELECT current_epoch()")).scalar_one() == epoch
