"""Fixtures and questions for tests of the private cluster."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from server.postgres.embedded import EmbeddedPostgres
from server.postgres.files import RunningServer, read_pid_file
from tests.support.waiting import until

FAST = {"fsync": "off"}
NOBODY = 65534


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a stopped cluster that all tests share, one after the other: making one is slow."""
    root = tmp_path_factory.mktemp("made once")
    with EmbeddedPostgres(root, options=FAST):
        pass
    return root / "data"


@pytest.fixture
def cluster_root(tmp_path: Path, made_once: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with a cluster that has run before; its name is "root" or an indirect parameter."""
    root = tmp_path / getattr(request, "param", "root")
    version = (made_once / "PG_VERSION").read_text()
    root.mkdir()
    made_once.rename(root / "data")
    yield root
    (root / "data").rename(made_once)
    (made_once / "PG_VERSION").write_text(version)


@pytest.fixture
def cluster(cluster_root: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(cluster_root, options=FAST) as cluster:
        yield cluster


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder that an ordinary user owns and can reach; our own unless we are root."""
    folder = Path(tempfile.mkdtemp(prefix="inturn-test-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def as_ordinary_user() -> list[str]:
    """What to put before a command so that an ordinary user runs it.

    The interpreter and this repository may lie in root's home: the user may read everything, not write.
    """
    if os.geteuid() != 0:
        return []
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    reading = [*user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    for prefix in (reading, user):
        if subprocess.run([*prefix, sys.executable, "-c", "import psycopg"], check=False).returncode == 0:
            return prefix
    raise AssertionError(f"user {NOBODY} can't run {sys.executable}")


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


def eventually(condition: Callable[[], bool], what: str = "") -> None:
    """Wait for another process; AssertionError with `what` after five seconds."""
    asyncio.run(until(condition, what=what))
