"""How a PostgreSQL program is started and stopped: tied to the process that started it."""

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

# PostgreSQL's SIGINT is the fast shutdown: acknowledged work is kept, clients are disconnected.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "INT", "--")


def spawn(
    argv: Sequence[str], *, account: Account, log: IO[bytes], inherited_fd: int
) -> subprocess.Popen[bytes]:
    """Start a PostgreSQL program that ends when this process ends (on Linux; elsewhere it lives on).

    The kernel sends the parent's death signal when the *thread* that forked ends, so the fork is done by
    a thread that stays until the child has ended, and also reaps it.
    """
    started: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            process = _popen([*account.prefix, *_parent_death_prefix(), *argv], account, log, inherited_fd)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            started.set_exception(error)
        else:
            started.set_result(process)
            process.wait()

    threading.Thread(target=keep, name=f"keeper of {Path(argv[0]).name}", daemon=True).start()
    return started.result()


def interrupt(process: subprocess.Popen[bytes], pg_ctl: str, data: Path) -> None:
    """Ask a server for a fast shutdown; returns at once."""
    if sys.platform == "win32":
        subprocess.run([pg_ctl, "stop", "-D", str(data), "-m", "fast", "-W"], check=False)
    else:
        process.send_signal(signal.SIGINT)


def quit_at_once(process: subprocess.Popen[bytes], pg_ctl: str, data: Path) -> None:
    """Ask a server for an immediate shutdown: what was acknowledged is in its log, and recovered by the next start."""
    if sys.platform == "win32":
        subprocess.run([pg_ctl, "stop", "-D", str(data), "-m", "immediate", "-W"], check=False)
    else:
        process.send_signal(signal.SIGQUIT)


def _popen(argv: list[str], account: Account, log: IO[bytes], inherited_fd: int) -> subprocess.Popen[bytes]:
    # Its own session: a terminal's Ctrl-C must reach InTurn, which stops the server when it is done with it.
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        # The log is read for what keeps a server from starting: its messages must be in English.
        env={**os.environ, "LC_ALL": "C"},
        start_new_session=True,
        pass_fds=() if sys.platform == "win32" else (inherited_fd,),
        **account.options(),
    )


@functools.cache
def _parent_death_prefix() -> tuple[str, ...]:
    return DIE_WITH_PARENT if sys.platform == "linux" and succeeds((*DIE_WITH_PARENT, "true")) else ()
