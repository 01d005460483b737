"""Reading a cluster's files, and removing stale files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from server.postgres.errors import (
    EmbeddedPostgresError,
    NotEnoughDiskSpace,
    NotWritable,
    SocketTaken,
    StartFailed,
)
from server.postgres.files import (
    LONGEST_SOCKET_PATH,
    SOCKET_NAME,
    RunningServer,
    clear_stale_files,
    data_major,
    explain_failure,
    make_private,
    postgres_runs_in,
    read_pid_file,
    socket_directory,
)
from tests.support.private_clusters import NOBODY, only_root
from tests.support.waiting import wait_until

LINES = ["4711", "/d a/data", "1700000000", "5432", "/d a/run", "", "  123 456", "ready   "]


def test_the_pid_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text("\n".join(LINES))
    assert read_pid_file(tmp_path) == RunningServer(4711, Path("/d a/data"), 5432, Path("/d a/run"), True)


@pytest.mark.parametrize("status", ["starting", "stopping", "standby", ""])
def test_a_server_in_another_state_is_not_ready(tmp_path: Path, status: str) -> None:
    (tmp_path / "postmaster.pid").write_text("\n".join([*LINES[:7], status]))
    running = read_pid_file(tmp_path)
    assert running is not None
    assert not running.ready


@pytest.mark.parametrize("text", ["", "4711\n", "x\n" * 8])
def test_an_unfinished_or_damaged_pid_file_is_ignored(tmp_path: Path, text: str) -> None:
    assert read_pid_file(tmp_path) is None
    (tmp_path / "postmaster.pid").write_text(text)
    assert read_pid_file(tmp_path) is None


def test_the_major_version_of_the_data_is_read(tmp_path: Path) -> None:
    assert data_major(tmp_path) is None
    (tmp_path / "PG_VERSION").write_text("15\n")
    assert data_major(tmp_path) == 15


def test_a_shell_in_the_data_directory_is_no_server(tmp_path: Path) -> None:
    shell = subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=tmp_path)
    assert postgres_runs_in(tmp_path) is False
    shell.communicate()


@only_root
def test_a_server_of_another_account_is_seen_without_cap_sys_ptrace(
    unprivileged_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = unprivileged_folder / "data"
    data.mkdir()
    server = shutil.copy("/bin/sleep", unprivileged_folder / "postgres")
    monkeypatch.setattr(os.path, "samestat", forbidden)
    with subprocess.Popen([server, "20"], cwd=data, user=NOBODY, group=NOBODY, extra_groups=[]) as running:
        wait_until(lambda: Path(f"/proc/{running.pid}/comm").read_text() == "postgres\n")
        wait_until(lambda: bool(postgres_runs_in(data)))
        assert not postgres_runs_in(unprivileged_folder)
        running.kill()


def forbidden(*_: object) -> bool:
    """Raises PermissionError, as for root in a container that inspects a process of another account."""
    raise PermissionError


def test_stale_files_are_removed_and_a_live_socket_stays(socket_folder: Path) -> None:
    left = [
        socket_folder / "postmaster.pid",
        socket_folder / SOCKET_NAME,
        socket_folder / f"{SOCKET_NAME}.lock",
    ]
    for path in left:
        path.touch()
    clear_stale_files(socket_folder, socket_folder)
    assert [path for path in left if path.exists()] == []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(left[1]))
        listener.listen()
        with pytest.raises(SocketTaken, match="already using"):
            clear_stale_files(socket_folder, socket_folder)


@pytest.mark.parametrize(
    "root", ["/srv/in turn", "/srv/a,b", "/srv/a:b", "/srv/" + "x" * 90, "/srv/" + "é" * 50]
)
def test_a_socket_path_always_fits(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/t" + "x" * 90)
    folder = socket_directory(Path(root))
    assert len(os.fsencode(folder / SOCKET_NAME)) <= LONGEST_SOCKET_PATH
    assert not set(",:") & set(str(folder))
    assert (folder == Path(root) / "run") == (root == "/srv/in turn")


def test_two_folders_never_share_a_socket() -> None:
    assert socket_directory(Path("/a,b")) != socket_directory(Path("/a,c"))


def test_a_private_folder_gets_its_mode_back(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o777)
    make_private(folder, tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(NotWritable, match="belongs to another user"):
        make_private(tmp_path / "link", tmp_path)


@pytest.mark.parametrize(
    ("logged", "kind"),
    [
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', NotEnoughDiskSpace),
        ('FATAL:  lock file "/r/.s.PGSQL.5432.lock" already exists', SocketTaken),
        ('initdb: error: could not change permissions of directory "/r": Permission denied', NotWritable),
        ('FATAL:  data directory "/r/data" has wrong ownership', NotWritable),
        ("FATAL:  something new", StartFailed),
        ("", StartFailed),
    ],
)
def test_the_log_is_explained(tmp_path: Path, logged: str, kind: type[EmbeddedPostgresError]) -> None:
    log = tmp_path / "postgres.log"
    log.write_text("FATAL:  No space left on device, last year\n" + logged)
    error = explain_failure(log, 43, tmp_path)
    assert type(error) is kind
    assert ("something new" in str(error)) == ("something new" in logged)
