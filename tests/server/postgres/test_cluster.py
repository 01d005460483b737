"""A cluster works in any folder; obstacles are reported in a sentence; the log stays small and holds no names."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from server.postgres import cluster as postgres_cluster
from server.postgres.binaries import find_binaries
from server.postgres.cluster import Cluster, Deadline
from server.postgres.embedded import EmbeddedPostgres
from server.postgres.errors import (
    DamagedCluster,
    NoBinaries,
    NotEnoughDiskSpace,
    NotWritable,
    StartFailed,
    StartTimedOut,
    WrongMajor,
)
from server.postgres.file_lock import FileLock
from server.postgres.files import socket_directory
from tests.support.cluster_owner import OwnerProcess
from tests.support.private_clusters import FAST, ORDINARY_USER, query


@pytest.mark.parametrize(
    "cluster_root",
    [
        "with a space",
        "a,comma",
        "a:colon",
        "long" * 40,
        'it\'s "quoted"',
        "größe %20 & 100%",
        "$(reboot)",
        "-D",
    ],
    indirect=True,
)
def test_any_folder_name_works(cluster_root: Path) -> None:
    with EmbeddedPostgres(cluster_root, options=FAST) as cluster:
        assert query(cluster.start(), "SELECT 1") == [(1,)]
        with EmbeddedPostgres(cluster_root / ".." / cluster_root.name) as other:
            assert other.adopted
    sockets = socket_directory(cluster_root)
    assert sockets.parent == cluster_root or not sockets.exists(), "left in the temporary folder"


# --- errors -----------------------------------------------------------------------------------------------


def test_data_of_another_major_version_are_refused(cluster_root: Path) -> None:
    (cluster_root / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(WrongMajor, match="made by PostgreSQL 14, but this computer only has version"):
        EmbeddedPostgres(cluster_root).start()
    with pytest.raises(WrongMajor, match="made by PostgreSQL 14"):
        EmbeddedPostgres(cluster_root, binaries=find_binaries(None)).start()


def test_a_folder_without_programs_is_refused(
    cluster_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTURN_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(NoBinaries, match="no usable PostgreSQL 15 or newer in"):
        EmbeddedPostgres(cluster_root).start()


def test_a_folder_that_cannot_be_written_is_refused(unprivileged_folder: Path) -> None:
    unprivileged_folder.chmod(0o500)
    with OwnerProcess(unprivileged_folder / "root", user=ORDINARY_USER) as owner:
        report = owner.report()
    assert report["error"] == "NotWritable"
    assert (
        f"{unprivileged_folder}/root can't be used (permission denied): correct its owner" in report["text"]
    )


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable, match="not a directory"):
        EmbeddedPostgres(tmp_path / "file" / "root").start()


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "holiday.jpg").touch()
    with pytest.raises(DamagedCluster, match="has files in it but is no PostgreSQL cluster"):
        EmbeddedPostgres(tmp_path).start()
    assert (tmp_path / "data" / "holiday.jpg").exists()


def test_too_little_disk_space_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_cluster, "DISK_SPACE_FOR_A_CLUSTER", 10**18)
    with pytest.raises(NotEnoughDiskSpace, match="not enough free disk space"):
        EmbeddedPostgres(tmp_path).start()


@pytest.mark.parametrize("cluster_root", ["long" * 40], indirect=True)
def test_a_foreign_socket_folder_is_refused(cluster_root: Path, tmp_path: Path) -> None:
    socket_directory(cluster_root).symlink_to(tmp_path)
    with pytest.raises(NotWritable, match="belongs to another user"):
        EmbeddedPostgres(cluster_root).start()
    socket_directory(cluster_root).unlink()


def test_a_server_that_ends_while_starting_names_its_log(cluster_root: Path) -> None:
    with pytest.raises(StartFailed, match=r"unrecognized configuration parameter.*postgres\.log"):
        EmbeddedPostgres(cluster_root, options={"no_such_setting": "1"}).start()


# --- the log ----------------------------------------------------------------------------------------------


def test_the_log_holds_no_names(cluster: EmbeddedPostgres) -> None:
    query(
        cluster.start(), "CREATE TABLE patients_in_the_log (name text PRIMARY KEY CHECK (length(name) > 3))"
    )
    for name in ("Ada", "Bo"):
        with pytest.raises(psycopg.errors.CheckViolation):
            query(cluster.start(), f"INSERT INTO patients_in_the_log VALUES ('{name}')")
    log = cluster.log.read_text()
    assert "patients_in_the_log_name_check" in log
    assert "Ada" not in log
    assert "Bo" not in log


def test_a_large_log_is_rotated(cluster_root: Path) -> None:
    with (cluster_root / "postgres.log").open("wb") as log:
        log.truncate(10_000_001)
    with EmbeddedPostgres(cluster_root, options=FAST):
        assert (cluster_root / "postgres.log").stat().st_size < 10_000
        assert (cluster_root / "postgres.log.1").stat().st_size == 10_000_001


# --- waiting ----------------------------------------------------------------------------------------------


def test_a_start_that_takes_too_long_names_the_log(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as starting:
        assert starting.try_acquire()
        with pytest.raises(StartTimedOut, match=r"not ready after 0.05 seconds.*look into .*postgres\.log"):
            EmbeddedPostgres(tmp_path, start_timeout=0.05).start()


def test_a_cluster_whose_creation_times_out_is_removed(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, FAST, None)
    with FileLock(tmp_path / "lock") as lock, pytest.raises(StartTimedOut):
        cluster.make_if_missing(lock, Deadline(0, cluster.log))
    assert not cluster.data.exists()
