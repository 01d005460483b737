"""A lock between processes. The system releases it when the last process that holds it ends, even if it is killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """An exclusive lock on the file `path`, which is created (0600) if it is missing.

    A child process that inherits `fileno()` (Popen's `pass_fds`) holds the lock too: it is released when all of them
    have ended. Windows does not inherit locks.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        return self._fd

    def try_acquire(self) -> bool:
        """Acquire the lock without waiting. Returns False if another process holds it."""
        try:
            _lock(self._fd)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def close(self) -> None:
        """Close the file without unlocking it: an unlock would also take the lock from children that inherited it."""
        os.close(self._fd)
