"""Starts and stops PostgreSQL's programs, which end with the process that started them."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO

from server.postgres.accounts import Account, succeeds

# SIGINT is PostgreSQL's fast shutdown: it disconnects clients and keeps committed work.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "INT", "--")


def spawn(
    argv: Sequence[str], *, account: Account, log: IO[bytes], inherited_fd: int
) -> subprocess.Popen[bytes]:
    """Start a PostgreSQL program that ends with this process (on Linux; on other systems it keeps running).

    The kernel sends the parent's death signal when the *thread* that forked ends. So the thread that forks stays until
    the child has ended, and reaps it.
    """
    started: Future[subprocess.Popen[bytes]] = Future()

    def start_and_reap() -> None:
        try:
            process = _popen([*account.prefix, *_parent_death_prefix(), *argv], account, log, inherited_fd)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            started.set_exception(error)
        else:
            started.set_result(process)
            process.wait()

    threading.Thread(target=start_and_reap, name=f"parent of {Path(argv[0]).name}", daemon=True).start()
    return started.result()


def interrupt(process: subprocess.Popen[bytes], pg_ctl: str, data: Path) -> None:
    """Request a fast shutdown without waiting for it."""
    if sys.platform == "win32":
        subprocess.run([pg_ctl, "stop", "-D", str(data), "-m", "fast", "-W"], check=False)
    else:
        process.send_signal(signal.SIGINT)


def quit_at_once(process: subprocess.Popen[bytes], pg_ctl: str, data: Path) -> None:
    """Request an immediate shutdown: the next start recovers committed work from the write-ahead log."""
    if sys.platform == "win32":
        subprocess.run([pg_ctl, "stop", "-D", str(data), "-m", "immediate", "-W"], check=False)
    else:
        process.send_signal(signal.SIGQUIT)


def _popen(argv: list[str], account: Account, log: IO[bytes], inherited_fd: int) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in a terminal must reach InTurn alone, which stops the server last.
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        # `explain_failure` searches the log for English messages.
        env={**os.environ, "LC_ALL": "C"},
        start_new_session=True,
        pass_fds=() if sys.platform == "win32" else (inherited_fd,),
        **account.options(),
    )


@functools.cache
def _parent_death_prefix() -> tuple[str, ...]:
    return DIE_WITH_PARENT if sys.platform == "linux" and succeeds((*DIE_WITH_PARENT, "true")) else ()
