"""A database URL with several hosts, as libpq writes it: every command finds the host that takes writes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from core.client.hub_client import HubClient
from server.checks.scratch_hub import hub_process, scratch_database
from server.database.address import driver_url, program_arguments
from server.schema.backup import write_backup
from server.schema.engine import administration_engine
from tests.support.backups import restore_file
from tests.support.clinic import Clinic
from tests.support.command import inturn_hub


@pytest.fixture
def url(clinic: Clinic, tmp_path: Path) -> str:
    """The URL of the clinic's database, with an unreachable host before its own."""
    parts = {name: str(value) for name, value in conninfo_to_dict(driver_url(clinic.database_url)).items()}
    account = parts["user"] + (f":{parts['password']}" if "password" in parts else "")
    hosts = (
        f"{quote(str(tmp_path), safe='')}:5432,{quote(parts['host'], safe='')}:{parts.get('port', '5432')}"
    )
    return f"postgresql://{account}@{hosts}/{parts['dbname']}"


async def test_a_hub_and_its_clients_work_with_several_hosts(clinic: Clinic, url: str) -> None:
    with hub_process(url) as hub:
        async with HubClient(hub, clinic.staff) as desk:
            await desk.join_queue("A")


def test_a_backup_is_made_and_restored_with_several_hosts(clinic: Clinic, url: str, tmp_path: Path) -> None:
    engine = administration_engine(url)
    write_backup(engine, tmp_path / "backup")
    clinic.rows("DELETE FROM counter_services RETURNING 1")
    restore_file(engine, tmp_path / "backup")
    engine.dispose()
    assert clinic.rows("SELECT count(*) FROM counter_services") == [(4,)]
    listed = inturn_hub("counter", "list", "--database-url", url).stdout
    assert "R1\tCounter 1\topen\tA,B" in listed


def test_a_scratch_database_is_made_with_several_hosts(url: str) -> None:
    with scratch_database(url) as scratch:
        engine = administration_engine(scratch)
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT current_database(), hub_role()").one()
        engine.dispose()
    assert found[0].startswith("inturn_probe_")
    assert found[1] is True


def test_a_password_reaches_programs_only_in_their_environment() -> None:
    address, secrets = program_arguments(
        "postgresql+psycopg://me:s%23cret@one:1,two:2/inturn?sslmode=require"
    )
    assert secrets == {"PGPASSWORD": "s#cret"}
    assert "s#cret" not in address
    assert "s%23cret" not in address
    read_back = conninfo_to_dict(address)
    expected = {"user": "me", "host": "one,two", "port": "1,2", "dbname": "inturn", "sslmode": "require"}
    assert expected.items() <= read_back.items()
    assert read_back["target_session_attrs"] == "read-write"
