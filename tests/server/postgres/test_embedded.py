"""Real servers: started, adopted, killed and restarted, in every kind of folder and by several users."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from server.postgres.accounts import Account, choose_account
from server.postgres.binaries import PostgresBinaries, find_binaries, installed_binaries
from server.postgres.embedded import EmbeddedPostgres
from server.postgres.errors import SocketTaken
from server.postgres.files import SOCKET_NAME, read_pid_file
from server.postgres.programs import programs_for
from tests.support.cluster_owner import OwnerProcess
from tests.support.private_clusters import FAST, NOBODY, ORDINARY_USER, is_alive, query, server_of
from tests.support.waiting import WAIT_SECONDS, wait_until

ONE_OF_EACH_MAJOR = list({binaries.major: binaries for binaries in installed_binaries()}.values())

# --- starting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binaries", ONE_OF_EACH_MAJOR, ids=lambda binaries: f"PG{binaries.major}")
def test_first_start_makes_a_private_cluster_that_answers(tmp_path: Path, binaries: PostgresBinaries) -> None:
    root = tmp_path / "not" / "there yet"
    with EmbeddedPostgres(root, options=FAST, binaries=binaries) as cluster:
        facts = query(
            cluster.start(),
            "SELECT current_user, current_database(), current_setting('server_encoding'), "
            "current_setting('fsync'), current_setting('listen_addresses'), "
            "current_setting('data_checksums'), upper('é'), "
            "current_setting('server_version_num')::int / 10000",
        )
        assert facts == [("inturn", "inturn", "UTF8", "off", "", "on", "É", binaries.major)]
        assert not cluster.adopted
        for folder in (root, root / "data", server_of(root).socket_dir):
            assert folder.stat().st_mode & 0o777 == 0o700
    assert not is_alive_in(root)


def is_alive_in(root: Path) -> bool:
    running = read_pid_file(root / "data")
    return running is not None and is_alive(running.pid)


def test_starting_a_running_cluster_starts_no_second_server(cluster: EmbeddedPostgres) -> None:
    first = server_of(cluster.root).pid
    urls = {cluster.start() for _ in range(20)}
    assert len(urls) == 1
    assert server_of(cluster.root).pid == first


def test_a_stopped_cluster_starts_again_with_its_rows(cluster: EmbeddedPostgres) -> None:
    query(cluster.start(), "CREATE TABLE kept_when_stopped AS SELECT 7 AS number")
    cluster.stop()
    cluster.stop()
    assert query(cluster.start(), "SELECT number FROM kept_when_stopped") == [(7,)]


@pytest.mark.long
def test_a_server_that_does_not_stop_is_killed(cluster_root: Path) -> None:
    # PostgreSQL itself kills a process that is stuck after five seconds; the next server waits for that process.
    with EmbeddedPostgres(cluster_root, options=FAST, stop_timeout=6.0) as cluster:
        query(cluster.start(), "CREATE TABLE kept_all_the_same AS SELECT 7 AS number")
        stuck = query(cluster.start(), "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
        os.kill(int(str(stuck[0][0])), signal.SIGSTOP)
        cluster.stop()
        assert query(cluster.start(), "SELECT number FROM kept_all_the_same") == [(7,)]


def test_a_folder_reached_by_a_symbolic_link_is_the_same_cluster(
    cluster: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(cluster.root)
    with EmbeddedPostgres(tmp_path / "link") as other:
        assert other.adopted


def test_environment_variables_of_postgresql_are_ignored(
    cluster_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = EmbeddedPostgres(cluster_root, options=FAST)
    with monkeypatch.context() as starting:
        for name in ("PGPORT", "PGDATA", "PGHOST", "LANG"):
            starting.setenv(name, "1")
        starting.setenv("PGDATESTYLE", "German")
        url = cluster.start()
    assert query(url, "SHOW datestyle") == [("ISO, MDY",)]
    cluster.stop()


def test_an_ordinary_user_can_run_a_cluster(unprivileged_folder: Path, shared: Path) -> None:
    root, programs = unprivileged_folder / "root", reachable_programs(unprivileged_folder)
    with OwnerProcess(root, user=ORDINARY_USER, programs=programs) as owner:
        assert query(owner.report()["url"], "SELECT 1") == [(1,)]
        expected = NOBODY if os.geteuid() == 0 else os.geteuid()
        assert Path(f"/proc/{server_of(root).pid}").stat().st_uid == expected


def test_root_acts_for_the_owner_of_the_folder(unprivileged_folder: Path, shared: Path) -> None:
    owner = unprivileged_folder.stat().st_uid
    programs = reachable_programs(unprivileged_folder)
    root = unprivileged_folder / "root"
    root.mkdir()
    os.chown(root, owner, unprivileged_folder.stat().st_gid)
    with EmbeddedPostgres(root, options=FAST, binaries=find_binaries(None, programs)) as cluster:
        assert query(cluster.start(), "SELECT 1") == [(1,)]
        assert Path(f"/proc/{server_of(root).pid}").stat().st_uid == owner
    assert {path.stat().st_uid for path in (root, *root.rglob("*"))} == {owner}
    with OwnerProcess(root, user=ORDINARY_USER, programs=programs) as process:
        assert not process.report()["adopted"]


def reachable_programs(folder: Path) -> Path:
    """A bin folder that the folder's owner can use: the virtual environment may be in root's home."""
    owner = folder.stat()
    account = Account(user=owner.st_uid, group=owner.st_gid) if os.geteuid() == 0 else Account()
    return programs_for(account, find_binaries(None)).bin_dir


# --- several processes ------------------------------------------------------------------------------------


def test_a_second_cluster_object_adopts_the_server_and_does_not_stop_it(cluster: EmbeddedPostgres) -> None:
    with EmbeddedPostgres(cluster.root) as second:
        assert second.adopted
        assert second.start() == cluster.start()
    assert query(cluster.start(), "SELECT 1") == [(1,)]


def test_an_adopter_becomes_the_owner_when_the_owner_has_gone(cluster: EmbeddedPostgres) -> None:
    with EmbeddedPostgres(cluster.root, options=FAST) as second:
        cluster.stop()
        assert query(second.start(), "SELECT 1") == [(1,)]
        assert not second.adopted
        cluster.start()
        assert cluster.adopted


def test_of_four_concurrent_processes_exactly_one_owns_the_server(tmp_path: Path) -> None:
    with ExitStack() as stack:
        owners = [stack.enter_context(OwnerProcess(tmp_path)) for _ in range(4)]
        reports = [owner.report() for owner in owners]
        assert sorted(report["adopted"] for report in reports) == [False, True, True, True]
        assert len({report["url"] for report in reports}) == 1


def test_four_concurrent_threads_start_a_single_server(cluster_root: Path) -> None:
    with EmbeddedPostgres(cluster_root, options=FAST) as cluster:
        cluster.stop()
        urls: list[str] = []
        threads = [threading.Thread(target=lambda: urls.append(cluster.start())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(urls) == 4
        assert len(set(urls)) == 1
        assert not cluster.adopted


def test_an_adopter_waits_for_a_stopping_server(cluster_root: Path) -> None:
    with OwnerProcess(cluster_root) as owner:
        first = owner.report()["url"]
        with psycopg.connect(first.replace("+psycopg", "")):
            owner.kill()
            with EmbeddedPostgres(cluster_root, options=FAST) as next_owner:
                assert query(next_owner.start(), "SELECT 1") == [(1,)]
                wait_until(lambda: not next_owner.adopted if next_owner.start() else False)


def test_a_server_started_by_hand_is_adopted(cluster_root: Path, tmp_path: Path) -> None:
    owner = (cluster_root / "data").stat()
    os.chown(tmp_path, owner.st_uid, owner.st_gid)
    by_hand = foreign_server(cluster_root, "listen_addresses=", f"unix_socket_directories={tmp_path}")
    with by_hand, EmbeddedPostgres(cluster_root) as cluster:
        assert cluster.adopted
        assert query(cluster.start(), "SHOW unix_socket_directories") == [(str(tmp_path),)]


def test_a_server_without_a_socket_is_an_error(cluster_root: Path) -> None:
    only_tcp = foreign_server(cluster_root, "unix_socket_directories=", f"port={a_free_port()}")
    with only_tcp, pytest.raises(SocketTaken, match=r"already using .*data: stop it"):
        EmbeddedPostgres(cluster_root, start_timeout=0.3).start()


@contextmanager
def foreign_server(root: Path, *settings: str) -> Iterator[None]:
    """A `postgres` process that InTurn did not start, on our data directory."""
    account = choose_account(root)
    postgres = programs_for(account, find_binaries(None)).program("postgres")
    argv = [*account.prefix, postgres, "-D", str(root / "data")]
    for setting in (*settings, "fsync=off"):
        argv += ["-c", setting]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, **account.options())
    wait_until(lambda: (running := read_pid_file(root / "data")) is not None and running.ready)
    yield
    process.send_signal(signal.SIGINT)
    process.wait(WAIT_SECONDS)


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_copied_cluster_is_not_mistaken_for_the_original(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    shutil.copytree(cluster.root / "data", tmp_path / "copy" / "data")
    with EmbeddedPostgres(tmp_path / "copy", options=FAST) as copy:
        assert not copy.adopted
        assert copy.start() != cluster.start()


# --- killed -----------------------------------------------------------------------------------------------


def test_the_server_ends_with_its_killed_owner_and_keeps_what_it_acknowledged(cluster_root: Path) -> None:
    with OwnerProcess(cluster_root) as owner:
        url = owner.report()["url"]
        query(url, "CREATE TABLE ticket (number int)")
        pid = server_of(cluster_root).pid
        threading.Timer(0.1, owner.process.kill).start()
        acknowledged = insert_until_it_fails(url)
        wait_until(lambda: not is_alive(pid))
    with EmbeddedPostgres(cluster_root, options=FAST) as cluster:
        assert not cluster.adopted
        assert acknowledged > 0
        kept = query(
            cluster.start(), f"SELECT count(DISTINCT number) FROM ticket WHERE number < {acknowledged}"
        )
        assert kept == [(acknowledged,)]


def insert_until_it_fails(url: str) -> int:
    """The number of rows that were acknowledged before the server ended."""
    acknowledged = 0
    connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
    with suppress(psycopg.OperationalError), connection:
        while True:
            connection.execute("INSERT INTO ticket VALUES (%s)", (acknowledged,))
            acknowledged += 1
    return acknowledged


def test_a_killed_server_starts_again(cluster: EmbeddedPostgres) -> None:
    query(cluster.start(), "CREATE TABLE kept AS SELECT 7 AS number")
    os.kill(server_of(cluster.root).pid, signal.SIGKILL)
    wait_until(lambda: query_or_none(cluster.start(), "SELECT number FROM kept") == [(7,)])
    assert not cluster.adopted


def query_or_none(url: str, statement: str) -> list[tuple[object, ...]] | None:
    try:
        return query(url, statement)
    except psycopg.OperationalError:
        return None


def test_a_killed_server_may_be_started_by_an_adopter(cluster: EmbeddedPostgres) -> None:
    with EmbeddedPostgres(cluster.root, options=FAST) as second:
        pid = server_of(cluster.root).pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid))
        assert query(second.start(), "SELECT 1") == [(1,)]
        assert not second.adopted
        assert query(cluster.start(), "SELECT 1") == [(1,)]
        assert cluster.adopted


def test_a_reused_pid_does_not_keep_the_server_from_starting(cluster: EmbeddedPostgres) -> None:
    running = server_of(cluster.root)
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(running.pid))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as unrelated:
        for path in (cluster.root / "data" / "postmaster.pid", running.socket_dir / f"{SOCKET_NAME}.lock"):
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join([f"{unrelated.pid}\n", *lines[1:]]))
        assert query(cluster.start(), "SELECT 1") == [(1,)]
        assert not cluster.adopted


def test_a_creation_that_was_killed_is_done_again(tmp_path: Path) -> None:
    with OwnerProcess(tmp_path) as owner:
        wait_until((tmp_path / "data.new" / "PG_VERSION").exists)
        owner.kill()
        with EmbeddedPostgres(tmp_path, options=FAST) as cluster:
            assert query(cluster.start(), "SELECT 1") == [(1,)]
        assert not (tmp_path / "data.new").exists()
