"""The computer's folder for what an unprivileged account must reach: `/var/lib/inturn`."""

from __future__ import annotations

from pathlib import Path

SHARED = Path("/var/lib/inturn")


def shared_folder(name: str) -> Path:
    """The folder `name` in it, made when it is missing: root writes, everybody may enter."""
    folder = SHARED / name
    for path in (SHARED, folder):
        try:
            path.mkdir(mode=0o755)
        except FileExistsError:
            continue
        path.chmod(0o755)  # root's umask may be 077
    return folder
