"""The account that runs PostgreSQL's programs. PostgreSQL refuses root: a hub that runs as root needs another account."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from server.postgres.errors import CannotRunAsRoot

# In a user namespace root appears as uid 1000: the files stay root's, and no account has to be created.
NOT_ROOT = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
OWN_ACCOUNT = "inturn"
"""`make install` creates it where root can't create user namespaces."""
OTHER_ACCOUNTS = ("postgres", "nobody")


class ProcessOptions(TypedDict, total=False):
    """Keyword arguments of `subprocess` that switch to an account."""

    user: int
    group: int
    extra_groups: list[int]
    cwd: str


@dataclass(frozen=True)
class Account:
    """An account that runs PostgreSQL's programs.

    Attributes:
        prefix: arguments before the program's argv; empty unless root runs it in a user namespace.
        user, group: ids to switch to; None for the account of this process.
    """

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def options(self) -> ProcessOptions:
        """Keyword arguments of `subprocess.run` and `Popen` that switch to this account."""
        if self.user is None or self.group is None:
            return {}
        # PostgreSQL 15 reads the path of the current folder, which may be closed to the account.
        return {"user": self.user, "group": self.group, "extra_groups": [], "cwd": "/"}

    def can_run(self, *argv: str) -> bool:
        """Whether this account can run the command and its exit code is 0."""
        return succeeds(argv, self)

    def can_enter(self, folder: Path) -> bool:
        """Whether this account can use paths below `folder`."""
        return succeeds(("test", "-x", str(folder)), self)


def choose_account(home: Path) -> Account:
    """The account for the server of the cluster in `home`; DECISIONS.md says why in this order.

    1. A process that is not root: its own account.
    2. The owner of the folder or of the data in it, if that is not root: a command run with `sudo` must leave no
       file behind that the owner can't use.
    3. Data that root owns: root in a user namespace.
    4. A new cluster: the first that works of `inturn`, root in a user namespace, `postgres`, `nobody`.

    Raises:
        CannotRunAsRoot: none of these is possible.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return Account()
    data = home / "data"
    for path in (home, data):
        if path.exists() and (found := path.stat()).st_uid != 0:
            return Account(user=found.st_uid, group=found.st_gid)
    in_namespace = Account(prefix=NOT_ROOT) if user_namespaces_work() else None
    if in_namespace and data.exists():
        return in_namespace
    account = _named(OWN_ACCOUNT) or in_namespace or next(filter(None, map(_named, OTHER_ACCOUNTS)), None)
    if account is None:
        raise CannotRunAsRoot
    return account


@functools.cache
def user_namespaces_work() -> bool:
    """Whether root can start a program in a new user namespace; most containers forbid it."""
    return succeeds((*NOT_ROOT, "true"))


def succeeds(argv: Sequence[str], account: Account | None = None) -> bool:
    """Whether the command can be run and its exit code is 0."""
    options = account.options() if account else {}
    try:
        done = subprocess.run(
            list(argv), capture_output=True, check=False, stdin=subprocess.DEVNULL, **options
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _named(name: str) -> Account | None:
    """The account of this name; None if it does not exist or this process may not switch to it."""
    if sys.platform == "win32":
        return None
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    account = Account(user=entry.pw_uid, group=entry.pw_gid)
    return account if account.can_run("true") else None
