"""A lock between processes that the system frees by itself when its last holder ends, however it ends."""

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
    """An exclusive lock on `path`, which is made (0600) when it is not there.

    A child that inherits `fileno()` (Popen's `pass_fds`) holds the lock too: it is free again when the
    last of them has ended. On Windows a lock is not inherited.
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
        """Take the lock without waiting; False while anybody else has it."""
        try:
            _lock(self._fd)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def close(self) -> None:
        """Let go. Not an unlock: that would free it for the children that inherited it as well."""
        os.close(self._fd)
