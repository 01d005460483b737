"""The start of a hub loads nothing that only administration needs, and leaves nothing open when it fails."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from alembic.script import ScriptDirectory

from core.client.hub_client import HubClient
from core.errors import SetupError
from server.connections import hub as hub_module
from server.connections.hub import Hub
from server.connections.visitors import Visitors
from server.database import schema_revision
from server.door.tls import TlsFiles
from server.health.watch import HubWatch
from server.pushes.notification_service import NotificationService
from server.schema import revisions
from tests.support.clinic import Clinic
from tests.support.hub_process import running
from tests.support.places import CERTIFICATES, ROOT
from tests.support.waiting import WAIT_SECONDS, until

FOR_ADMINISTRATION = {"alembic", "mako", "sqlalchemy"}
_IMPORTED = re.compile(r"^import time: .*\| +([\w.]+)$", re.MULTILINE)


def packages(output: str) -> set[str]:
    """The packages that a program imported, read from the output of `-X importtime`."""
    return {name.partition(".")[0] for name in _IMPORTED.findall(output)}


def packages_of_serve(*options: str) -> set[str]:
    """The packages that a hub has imported between its start and its stop."""
    command = [sys.executable, "-X", "importtime", "-m", "server", "serve", "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as hub:
        assert hub.stdout is not None
        assert hub.stderr is not None
        # stderr must be read while the hub starts: the list of imports would fill the pipe.
        lines = []
        for line in hub.stderr:
            lines.append(line)
            if "Listening on " in line:
                hub.send_signal(signal.SIGTERM)
        assert hub.wait(WAIT_SECONDS) == 0
    return packages("".join(lines))


def test_a_hub_with_a_current_database_loads_no_package_of_administration(clinic: Clinic) -> None:
    loaded = packages_of_serve("--database-url", clinic.database_url)
    assert "psycopg" in loaded
    assert loaded & FOR_ADMINISTRATION == set()


@pytest.mark.long
def test_a_hub_with_its_own_database_loads_administration_only_to_create_the_schema(tmp_path: Path) -> None:
    options = ("--data-dir", str(tmp_path / "hub"))
    assert packages_of_serve(*options) >= FOR_ADMINISTRATION
    assert packages_of_serve(*options) & FOR_ADMINISTRATION == set()


def test_the_last_file_of_the_migrations_is_alembics_head() -> None:
    script = ScriptDirectory.from_config(revisions._configuration())
    assert script.get_current_head() == schema_revision.latest_revision()
    assert {revision.revision for revision in script.walk_revisions()} == {
        file.stem for file in (schema_revision.MIGRATIONS / "versions").glob("[0-9]*.py")
    }


def connections_of_hubs(clinic: Clinic) -> int:
    """The number of connections that hubs have to the database."""
    connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    return int(clinic.rows(f"{connections} AND application_name LIKE 'inturn-hub%'")[0][0])


def fails(*_arguments: object, **_named: object) -> NoReturn:
    raise RuntimeError("made to fail by the test")


STEPS: list[tuple[Any, str]] = [
    (hub_module, "assemble"),
    (NotificationService, "start"),
    (HubWatch, "start"),
    (Visitors, "start"),
    (hub_module, "serve"),
]


@pytest.mark.parametrize(("owner", "step"), STEPS, ids=lambda part: getattr(part, "__name__", part))
@pytest.mark.logs_expected
async def test_a_start_that_fails_at_any_step_leaves_nothing_open(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str
) -> None:
    monkeypatch.setattr(owner, step, fails)

    tasks = asyncio.all_tasks()
    hub = Hub(clinic.database_url, tls=TlsFiles(CERTIFICATES / "valid.pem", CERTIFICATES / "hub_key.pem"))
    with pytest.raises(RuntimeError, match="made to fail"):
        await hub.start()
    assert asyncio.all_tasks() == tasks
    await until(lambda: connections_of_hubs(clinic) == 0, what="the connections to be closed")
    await hub.stop()


async def test_a_taken_port_leaves_nothing_open(clinic: Clinic) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        hub = Hub(clinic.database_url, port=taken.getsockname()[1])
        with pytest.raises(SetupError, match="is taken"):
            await hub.start()
    await until(lambda: connections_of_hubs(clinic) == 0, what="the connections to be closed")


async def test_a_hub_whose_start_failed_can_be_started_again(clinic: Clinic) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        hub = Hub(clinic.database_url, port=taken.getsockname()[1])
        with pytest.raises(SetupError):
            await hub.start()
    async with running(hub), HubClient(hub.url, clinic.staff) as client:
        assert await client.join_queue("A")
