"""How a PostgreSQL program is run and watched: under which account, tied to which parent, alive or not."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from server.postgres.errors import OR_ANOTHER_DATABASE, CannotRunAsRoot

# Inside its own user namespace root appears as uid 1000; the files stay root's, no account is made.
NOT_ROOT = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
# PostgreSQL's SIGINT is the fast shutdown: acknowledged work is kept, clients are disconnected.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "INT", "--")
SYSTEM_ACCOUNT = "postgres"


@dataclass(frozen=True)
class Account:
    """Who PostgreSQL runs as: a prefix for its argv, or ids to switch to; neither for an ordinary user."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None


def choose_account(root: Path, program: str) -> Account:
    """Who runs `program` in `root`: ourselves; for root, see below.

    Root acts for the owner of the folder (so that `sudo` for one command leaves no file behind that the
    owner can't use), else for itself inside a user namespace, else as the system's account `postgres`,
    to whom it gives the folder.

    Raises:
        CannotRunAsRoot: none of these is possible.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return Account()
    owner = root.stat()
    if owner.st_uid != 0:
        account = Account(user=owner.st_uid, group=owner.st_gid)
        _require_reach(account, program, root)
        return account
    if _user_namespaces_work():
        return Account(prefix=NOT_ROOT)
    return _give_to_system_account(root, program)


def _give_to_system_account(root: Path, program: str) -> Account:
    account = _system_account()
    if account is None:
        raise CannotRunAsRoot
    _require_reach(account, program, root.parent)
    # From now on the folder has an owner who is not root: every file that is made here follows.
    os.chown(root, account.user or 0, account.group or 0)
    return account


def _require_reach(account: Account, program: str, folder: Path) -> None:
    for path, argv in ((program, [program, "-V"]), (folder, ["test", "-x", str(folder)])):
        if not _works(argv, account):
            raise CannotRunAsRoot(
                f"PostgreSQL can't run as root, and user number {account.user} can't reach {path}: "
                f"start InTurn as an ordinary user, {OR_ANOTHER_DATABASE}."
            )


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
        user=account.user,
        group=account.group,
        extra_groups=None if account.user is None else [],
    )


@functools.cache
def _user_namespaces_work() -> bool:
    return _works(NOT_ROOT)


@functools.cache
def _parent_death_prefix() -> tuple[str, ...]:
    return DIE_WITH_PARENT if sys.platform == "linux" and _works(DIE_WITH_PARENT) else ()


def _works(argv: Sequence[str], account: Account | None = None) -> bool:
    """Whether a command, or a prefix in front of `true`, can be run here and ends well."""
    account = account or Account()
    try:
        done = subprocess.run(
            [*argv, "true"] if argv[-1] == "--" else list(argv),
            capture_output=True,
            check=False,
            user=account.user,
            group=account.group,
            extra_groups=None if account.user is None else [],
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _system_account() -> Account | None:
    if sys.platform == "win32":
        return None
    import pwd

    try:
        entry = pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        return None
    account = Account(user=entry.pw_uid, group=entry.pw_gid)
    return account if _works(("true",), account) else None
