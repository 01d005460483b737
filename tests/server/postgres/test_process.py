"""A spawned program ends with the process that started it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from server.postgres.accounts import Account
from server.postgres.process import spawn
from tests.support.places import ROOT
from tests.support.private_clusters import is_alive
from tests.support.waiting import WAIT_SECONDS, wait_until

SPAWN_AND_WAIT = """
import signal, sys
from server.postgres.accounts import Account
from server.postgres.process import spawn
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores SIGINT, and its child inherits that
with open("/dev/null", "wb") as log:
    print(spawn(["sleep", "60"], account=Account(), log=log, inherited_fd=2).pid, flush=True)
sys.stdin.read()
"""


def test_a_program_ends_with_the_process_and_not_with_the_thread_that_started_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SPAWN_AND_WAIT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "the child's program")
        parent.kill()
        wait_until(lambda: not is_alive(pid), "the child's end")


def test_a_thread_that_spawns_may_end(tmp_path: Path) -> None:
    spawned: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        with (tmp_path / "log").open("wb") as log:
            spawned.append(spawn(["sleep", "60"], account=Account(), log=log, inherited_fd=log.fileno()))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        spawned[0].wait(0.2)
    spawned[0].terminate()
    spawned[0].wait(WAIT_SECONDS)


def test_a_missing_program_exits_with_an_error(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = spawn([str(tmp_path / "gone")], account=Account(), log=log, inherited_fd=log.fileno())
        assert process.wait(WAIT_SECONDS) != 0
