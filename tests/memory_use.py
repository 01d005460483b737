"""How much memory and how many files a process holds, on Linux."""

from __future__ import annotations

import resource
from pathlib import Path


def resident_bytes(pid: int) -> int:
    """What it has in main memory."""
    pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    return int(pages) * resource.getpagesize()


def open_files(pid: int) -> int:
    """How many files and sockets it has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
