"""Backups go in both directions between the major versions of this computer, or are refused with what to install."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from core.errors import SetupError
from server.administration import people_and_devices
from server.backups.contents import inspect_backup
from server.backups.recorded_backup import back_up
from server.postgres import client_programs
from server.postgres.binaries import installed_binaries
from server.postgres.client_programs import ClientPrograms, installed_clients
from server.postgres.embedded import EmbeddedPostgres
from server.schema import revisions
from tests.support.backups import restore_file, what_is_wrong
from tests.support.private_clusters import FAST

MAJORS = {binaries.major: binaries for binaries in reversed(list(installed_binaries()))}
CLIENTS = {clients.major: clients for clients in reversed(list(installed_clients()))}
OLD, NEW = min(MAJORS), max(MAJORS)
pytestmark = pytest.mark.skipif(OLD == NEW, reason="needs two major versions of PostgreSQL")
NAMES = "SELECT array_agg(username || code ORDER BY username, code) FROM users, devices"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Engine]]:
    """A clinic on a server of the oldest and of the newest major version."""
    engines: dict[int, Engine] = {}
    running = []
    for major in (OLD, NEW):
        server = EmbeddedPostgres(tmp_path_factory.mktemp("s"), options=FAST, binaries=MAJORS[major])
        running.append(server)
        engines[major] = create_engine(server.start())
        revisions.upgrade(engines[major])
        people_and_devices.add_user(engines[major], f"of {major}", "staff", "correct horse")
        people_and_devices.add_device(engines[major], "Door", "kiosk")
    yield engines
    for engine, server in zip(engines.values(), running, strict=True):
        engine.dispose()
        server.stop()


def only(monkeypatch: pytest.MonkeyPatch, clients: list[ClientPrograms]) -> None:
    """Lets the computer have these programs only."""
    monkeypatch.setattr(client_programs, "installed_clients", lambda: iter(clients))


@pytest.mark.parametrize("source", [OLD, NEW])
@pytest.mark.parametrize("target", [OLD, NEW])
@pytest.mark.parametrize("bundled_only", [False, True])
def test_a_backup_goes_in_both_directions(
    servers: dict[int, Engine],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: int,
    target: int,
    bundled_only: bool,
) -> None:
    if bundled_only:
        only(monkeypatch, [CLIENTS[NEW]])
    with servers[source].connect() as connection:
        before = connection.exec_driver_sql(NAMES).scalar_one()
    back_up(servers[source], tmp_path / "b", "test")
    restore_file(servers[target], tmp_path / "b")
    with servers[target].connect() as connection:
        assert connection.exec_driver_sql(NAMES).scalar_one() == before
    assert what_is_wrong(servers[target]) == []


def test_a_newer_server_is_not_backed_up_by_older_programs(
    servers: dict[int, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, [CLIENTS[OLD]])
    with pytest.raises(
        SetupError, match=f"database is a PostgreSQL {NEW}, .*install postgresql-client-{NEW} "
    ):
        back_up(servers[NEW], tmp_path / "b", "test")
    assert list(tmp_path.iterdir()) == []


def test_a_newer_file_is_not_read_by_older_programs(
    servers: dict[int, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(servers[NEW], tmp_path / "b", "test")
    only(monkeypatch, [CLIENTS[OLD]])
    with pytest.raises(SetupError, match=r"written by a newer PostgreSQL, .*install postgresql-client-\d\d "):
        inspect_backup(tmp_path / "b")
