"""Keeps a cluster outside of a data directory that the account of the server can't reach.

A data directory below `/root` (mode 0700) is closed to every account but root. Its cluster is then in another folder,
and a link in the data directory leads there:

    root/data                                a link to …/cluster-XXXX/data
    root/lock, server.lock, postgres.log     stay here; root opens them for the server
    /var/lib/inturn/clusters/cluster-XXXX/   owned by the account, 0700
        data/  run/                          the cluster and its socket
        belongs-to                           a link back to root

The callers hold the lock of `root`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from server.postgres import shared_folder
from server.postgres.accounts import Account
from server.postgres.errors import LostCluster

CLUSTERS = "clusters"
OWNER_LINK = "belongs-to"
NEW_LINK, OLD_DATA = "data.link", "data.moved"
"""Names during a move: the link before it is renamed to `data`, and the data that it replaces."""


def home_of(root: Path) -> Path:
    """The folder that holds the cluster of `root`: `root` itself, or the folder outside that its link leads to."""
    data = root / "data"
    if data.is_symlink():
        home = data.readlink().parent
        if home.parent == shared_folder.SHARED / CLUSTERS:
            return home
    return root


def finish_move(root: Path) -> None:
    """Finish a move that a killed process began: rename the link to `data`, then remove the data that it replaces."""
    data, link = root / "data", root / NEW_LINK
    if link.is_symlink() and not os.path.lexists(data):
        link.rename(data)
    if home_of(root) != root and (root / OLD_DATA).exists():
        shutil.rmtree(root / OLD_DATA)


def make_reachable(root: Path, account: Account) -> Path:
    """Give the cluster of `root` to `account`, and move it where the account can reach it; returns its folder.

    Raises LostCluster when the folder outside is gone; OSError, with the cluster as it was.
    """
    finish_move(root)
    home = home_of(root)
    if not home.is_dir():
        raise LostCluster(root, home)
    if account.user is None or account.group is None:
        return home
    if home == root and not account.can_enter(root.parent):
        home = _move_outside(root, account)
    # The data first: a folder that belongs to the account means that all the data do.
    data = home / "data"
    if data.exists() and data.stat().st_uid == 0:
        _give_data(data, account.user, account.group)
    if home.stat().st_uid == 0:
        os.chown(home, account.user, account.group)
    return home


def discard(root: Path) -> None:
    """Remove the folder outside before the data directory is removed. The server must have ended."""
    home = home_of(root)
    if home != root:
        shutil.rmtree(home, ignore_errors=True)


def _move_outside(root: Path, account: Account) -> Path:
    _remove_unfinished(root)
    data = root / "data"
    home = Path(tempfile.mkdtemp(prefix="cluster-", dir=shared_folder.shared_folder(CLUSTERS)))
    (home / OWNER_LINK).symlink_to(root)
    (root / NEW_LINK).symlink_to(home / "data")
    if data.exists():
        shutil.copytree(data, home / "data.new", symlinks=True)
        os.sync()
        (home / "data.new").rename(home / "data")
        data.rename(root / OLD_DATA)
    finish_move(root)
    return home


def _remove_unfinished(root: Path) -> None:
    """Remove the folder of an unfinished move, whose process was killed before `root/data` was a link."""
    link = root / NEW_LINK
    clusters = shared_folder.shared_folder(CLUSTERS)
    linked_home = link.readlink().parent if link.is_symlink() else None
    link.unlink(missing_ok=True)
    for owner_link in clusters.glob(f"*/{OWNER_LINK}"):
        home = owner_link.parent
        with suppress(OSError):
            # Any other folder with data stays: a data directory that was renamed since may link to it.
            if owner_link.readlink() == root and (home == linked_home or not (home / "data").exists()):
                shutil.rmtree(home)


def _give_data(data: Path, user: int, group: int) -> None:
    """Change the owner of the data directory and of everything in it.

    The directory itself comes last: if the process is killed before, the next start repeats the change.
    """
    for folder, folders, files in os.walk(data):
        for name in (*folders, *files):
            os.chown(Path(folder, name), user, group, follow_symlinks=False)
    os.chown(data, user, group)
