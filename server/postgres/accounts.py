"""Which account runs PostgreSQL's programs. PostgreSQL refuses root, so a hub that runs as root needs another."""

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

# Inside its own user namespace root appears as uid 1000; the files stay root's, no account is made.
NOT_ROOT = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
OWN_ACCOUNT = "inturn"
"""Made by `make install` where root has no user namespaces."""
OTHER_ACCOUNTS = ("postgres", "nobody")


class ProcessOptions(TypedDict, total=False):
    """Keyword arguments of `subprocess` that switch to an account."""

    user: int
    group: int
    extra_groups: list[int]
    cwd: str


@dataclass(frozen=True)
class Account:
    """Who runs PostgreSQL.

    Attributes:
        prefix: put before its argv; empty unless root runs it in a user namespace.
        user, group: ids to switch to; None for the account of this process.
    """

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def options(self) -> ProcessOptions:
        """What `subprocess.run` and `Popen` need to switch to this account."""
        if self.user is None or self.group is None:
            return {}
        # The account may have no access to the current folder, and PostgreSQL 15 asks for its path.
        return {"user": self.user, "group": self.group, "extra_groups": [], "cwd": "/"}

    def can_run(self, *argv: str) -> bool:
        """Whether this account can run a command, and the command ends with exit code 0."""
        return succeeds(argv, self)

    def can_enter(self, folder: Path) -> bool:
        """Whether this account can use paths below `folder`."""
        return succeeds(("test", "-x", str(folder)), self)


def choose_account(home: Path) -> Account:
    """The account for the server of the cluster in `home`; DECISIONS.md says why in this order.

    1. Of a process that is not root: its own.
    2. The owner of the folder or of the data in it, if that is not root: `sudo` for one command must leave no
       file behind that the owner can't use.
    3. For data that root owns already: root in a user namespace.
    4. For a new cluster: `inturn`, root in a user namespace, `postgres`, `nobody`.

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
    """Whether root can start a program in a user namespace of its own; most containers forbid it."""
    return succeeds((*NOT_ROOT, "true"))


def succeeds(argv: Sequence[str], account: Account | None = None) -> bool:
    """Whether a command can be run and ends with exit code 0."""
    options = account.options() if account else {}
    try:
        done = subprocess.run(
            list(argv), capture_output=True, check=False, stdin=subprocess.DEVNULL, **options
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _named(name: str) -> Account | None:
    """The account of this name, if there is one and this process may switch to it."""
    if sys.platform == "win32":
        return None
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    account = Account(user=entry.pw_uid, group=entry.pw_gid)
    return account if account.can_run("true") else None
