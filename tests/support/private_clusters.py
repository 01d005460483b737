"""Fixtures and queries for tests of the private cluster."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from server.postgres import accounts, shared_folder
from server.postgres.embedded import EmbeddedPostgres
from server.postgres.files import RunningServer, read_pid_file

FAST = {"fsync": "off"}
NOBODY = 65534
ORDINARY_USER = NOBODY if os.geteuid() == 0 else None
"""The account for `OwnerProcess`: an unprivileged one when the tests run as root, else None (no change)."""
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another account")


@pytest.fixture(scope="session")
def cluster_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a stopped cluster that tests share one after the other: initdb is slow."""
    root = tmp_path_factory.mktemp("cluster data")
    with EmbeddedPostgres(root, options=FAST):
        pass
    return root / "data"


@pytest.fixture
def cluster_root(tmp_path: Path, cluster_data: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with a cluster that has run before; its name is "root" or the indirect parameter."""
    root = tmp_path / getattr(request, "param", "root")
    version = (cluster_data / "PG_VERSION").read_text()
    root.mkdir()
    cluster_data.rename(root / "data")
    yield root
    (root / "data").rename(cluster_data)
    (cluster_data / "PG_VERSION").write_text(version)


@pytest.fixture
def cluster(cluster_root: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(cluster_root, options=FAST) as cluster:
        yield cluster


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder that an unprivileged user owns and can enter: this process's user, or `NOBODY` when it is root."""
    folder = Path(tempfile.mkdtemp(prefix="inturn-test-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in place of /var/lib/inturn."""
    folder = Path(tempfile.mkdtemp(prefix="inturn-test-"))
    folder.chmod(0o755)
    monkeypatch.setattr(shared_folder, "SHARED", folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulates a computer without user namespaces, whose account for PostgreSQL is `nobody`."""
    monkeypatch.setattr(accounts, "user_namespaces_work", lambda: False)
    monkeypatch.setattr(accounts, "OWN_ACCOUNT", "nobody")


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def server_of(root: Path) -> RunningServer:
    running = read_pid_file(root / "data")
    assert running is not None
    return running


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
