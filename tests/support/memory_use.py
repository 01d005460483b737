"""Memory and open files of a process, on Linux."""

from __future__ import annotations

import resource
from pathlib import Path


def resident_bytes(pid: int) -> int:
    """The process's resident memory."""
    pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    return int(pages) * resource.getpagesize()


def open_files(pid: int) -> int:
    """The number of its open files and sockets."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def file_table(pid: int) -> int:
    """The size of the kernel's table of its file descriptors."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("FDSize"))
