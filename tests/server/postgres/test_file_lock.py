"""A lock belongs to one process at a time, and to children that inherit it."""

import subprocess
import sys
from pathlib import Path

from server.postgres.file_lock import FileLock
from tests.support.places import ROOT

TRY = "import sys; from pathlib import Path; from server.postgres.file_lock import FileLock; "
TRY += "sys.exit(0 if FileLock(Path(sys.argv[1])).try_acquire() else 3)"


def another_process_acquires(path: Path) -> bool:
    """Whether another process gets the lock."""
    tried = subprocess.run([sys.executable, "-c", TRY, str(path)], cwd=ROOT, check=False)
    assert tried.returncode in (0, 3)
    return tried.returncode == 0


def test_a_lock_is_acquired_once(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path) as mine, FileLock(path) as other:
        assert mine.try_acquire()
        assert not other.try_acquire()
        assert not another_process_acquires(path)
    assert another_process_acquires(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_child_that_inherits_the_lock_holds_it_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path) as mine:
        assert mine.try_acquire()
        heir = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(mine.fileno(),))
    with FileLock(path) as other:
        assert not other.try_acquire()
        heir.kill()
        heir.communicate()
        assert other.try_acquire()
