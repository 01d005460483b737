"""As root without user namespaces, PostgreSQL runs under another account, wherever program and data lie."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.settings import Settings
from server.postgres.accounts import Account
from server.postgres.embedded import EmbeddedPostgres
from server.postgres.errors import LostCluster
from server.postgres.placement import discard, home_of, make_reachable
from server.schema.own_database import database_url
from tests.support.cluster_owner import OwnerProcess
from tests.support.private_clusters import FAST, NOBODY, only_root, query, server_of

pytestmark = [only_root, pytest.mark.usefixtures("no_namespaces")]


@pytest.fixture
def closed(shared: Path) -> Iterator[Path]:
    """A folder that only root can enter, like /root."""
    folder = Path(tempfile.mkdtemp(prefix="inturn-test-"))
    yield folder
    shutil.rmtree(folder)


def owner_of_server(root: Path) -> int:
    return Path(f"/proc/{server_of(root).pid}").stat().st_uid


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def test_a_folder_that_the_account_can_reach_is_given_to_it(unprivileged_folder: Path, shared: Path) -> None:
    root = unprivileged_folder / "root"
    root.mkdir(mode=0o700)
    with EmbeddedPostgres(root, options=FAST) as cluster:
        assert query(cluster.start(), "SELECT 1") == [(1,)]
        assert owner_of_server(root) == NOBODY
    assert owners(root / "data") == {NOBODY}
    assert not (root / "data").is_symlink()


def test_for_a_folder_that_the_account_cannot_reach_a_reachable_folder_is_used(
    closed: Path, shared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "server.postgres")
    root = closed / "root"
    with EmbeddedPostgres(root, options=FAST) as cluster:
        query(cluster.start(), "CREATE TABLE kept_outside AS SELECT 7 AS number")
        assert owner_of_server(root) == NOBODY
    home = home_of(root)
    assert caplog.messages == [
        f"PostgreSQL runs as user {NOBODY}, which can't enter {root}: its database is in {home}"
    ]
    assert home.parent == shared / "clusters"
    assert home.stat().st_mode & 0o777 == 0o700
    assert owners(home / "data") == {NOBODY}
    assert (home / "belongs-to").readlink() == root
    with EmbeddedPostgres(root, options=FAST) as again:
        assert query(again.start(), "SELECT number FROM kept_outside") == [(7,)]
    discard(root)
    assert not home.exists()


def test_the_database_is_found_by_its_data_directory(closed: Path) -> None:
    settings = Settings(data_dir=str(closed / "root"))
    with EmbeddedPostgres(closed / "root", options=FAST) as cluster:
        with EmbeddedPostgres(closed / "root") as other:
            assert other.adopted
        with database_url(settings, must_exist=True) as url:
            assert url == cluster.start()
    (closed / "root").rename(closed / "renamed")
    with EmbeddedPostgres(closed / "renamed", options=FAST) as renamed:
        assert query(renamed.start(), "SELECT 1") == [(1,)]
    assert len(list(home_of(closed / "renamed").parent.iterdir())) == 1


def test_data_of_root_move_with_their_rows(closed: Path, cluster_data: Path) -> None:
    shutil.copytree(cluster_data, closed / "root" / "data")
    marked = closed / "root" / "data" / "marked"
    marked.touch()
    with EmbeddedPostgres(closed / "root", options=FAST) as cluster:
        assert query(cluster.start(), "SELECT 1") == [(1,)]
    assert marked.stat().st_uid == NOBODY
    assert sorted(path.name for path in (closed / "root").iterdir()) == [
        "data",
        "lock",
        "postgres.log",
        "server.lock",
    ]


@pytest.mark.parametrize(
    "killed_at", ["copytree", "rename data.new", "symlink", "rename data", "rename link"]
)
def test_a_killed_move_is_repeated(
    closed: Path, shared: Path, killed_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = closed / "root"
    (root / "data").mkdir(parents=True)
    (root / "data" / "row").write_text("7")
    account = Account(user=NOBODY, group=NOBODY)
    with monkeypatch.context() as interrupting:
        interrupt_at(interrupting, root, killed_at)
        with pytest.raises(KeyboardInterrupt):
            make_reachable(root, account)
    home = make_reachable(root, account)
    assert (root / "data" / "row").read_text() == "7"
    assert home != root
    assert owners(home / "data") == {NOBODY}
    assert list((shared / "clusters").iterdir()) == [home]
    assert [path.name for path in root.iterdir()] == ["data"]


def interrupt_at(monkeypatch: pytest.MonkeyPatch, root: Path, step: str) -> None:
    """Raises KeyboardInterrupt in place of one step of a move."""
    real = {"rename": Path.rename, "symlink_to": Path.symlink_to, "copytree": shutil.copytree}

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def rename(path: Path, target: Path) -> Path:
        if (
            step
            == {"data.new": "rename data.new", "data": "rename data", "data.link": "rename link"}[path.name]
        ):
            raise KeyboardInterrupt
        return real["rename"](path, target)  # type: ignore[operator, no-any-return]

    def symlink_to(path: Path, target: Path) -> None:
        if path.parent == root:
            raise KeyboardInterrupt
        real["symlink_to"](path, target)  # type: ignore[operator]

    if step == "copytree":
        monkeypatch.setattr(shutil, "copytree", interrupt)
    elif step == "symlink":
        monkeypatch.setattr(Path, "symlink_to", symlink_to)
    else:
        monkeypatch.setattr(Path, "rename", rename)


def test_a_missing_folder_of_moved_data_is_reported(closed: Path) -> None:
    with EmbeddedPostgres(closed / "root", options=FAST):
        home = home_of(closed / "root")
    shutil.rmtree(home)
    settings = Settings(data_dir=str(closed / "root"))
    with (
        pytest.raises(LostCluster, match=f"was kept in {home}, which is gone"),
        database_url(settings, must_exist=True),
    ):
        pass


def test_four_concurrent_processes_share_a_cluster(closed: Path, shared: Path) -> None:
    with ExitStack() as stack:
        started = [
            stack.enter_context(OwnerProcess(closed / "root", programs=None, shared=shared)) for _ in range(4)
        ]
        reports = [owner.report() for owner in started]
        assert sorted(report["adopted"] for report in reports) == [False, True, True, True]
    assert len(list((shared / "clusters").iterdir())) == 1


def test_a_link_that_an_administrator_made_is_kept(tmp_path: Path) -> None:
    disk = tmp_path / "another disk"
    disk.mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "data").symlink_to(disk / "data")
    assert home_of(root) == root
    discard(root)
    assert disk.exists()
