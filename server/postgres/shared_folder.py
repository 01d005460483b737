"""`/var/lib/inturn`: the folder of files that an unprivileged account must reach."""

from __future__ import annotations

from pathlib import Path

SHARED = Path("/var/lib/inturn")


def shared_folder(name: str) -> Path:
    """Its folder `name`, created if it is missing: root writes, every account may enter."""
    folder = SHARED / name
    for path in (SHARED, folder):
        try:
            path.mkdir(mode=0o755)
        except FileExistsError:
            continue
        path.chmod(0o755)  # root's umask may be 077
    return folder
