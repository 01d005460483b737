"""Runs pip with the given arguments and prints its progress: `pip_progress.py install -r needed.txt`.

On a terminal it rewrites one line every second; elsewhere it prints a line for each large download and after 5 s without
a line. Without it pip is either silent or prints 200 lines. pip's errors go to standard error.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

SILENCE = 5.0
"""Longest time without a line in seconds, if the output is no terminal."""
DOWNLOAD = re.compile(r"Downloading ([A-Za-z0-9_.]+?)-(\d[^-]*)-\S+ \(([\d.]+ [kM]B)\)")


class Progress:
    """Prints what pip does. Its methods are called by two threads."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._lock = threading.Lock()
        self._step, self._since, self._printed = "asking for packages", time.monotonic(), 0.0
        self._packages = 0
        self._site_packages = Path(sysconfig.get_path("purelib"))

    def parse(self, line: str) -> None:
        """Parses a line of pip's output."""
        if match := DOWNLOAD.search(line):
            name, version, size = match.groups()
            self._begin(f"downloading {name} {version}, {size}", print_line="MB" in size)
        elif line.startswith("Installing collected packages: "):
            self._packages = line.count(",") + 1
            self._begin(f"unpacking {self._packages} packages", print_line=True)

    def tick(self) -> None:
        """Prints the current step and its time: always on a terminal, elsewhere after SILENCE."""
        with self._lock:
            now = time.monotonic()
            if not self._terminal and now - self._printed < SILENCE:
                return
            size = f", {self._megabytes()} MB so far" if self._packages else ""
            self._print(f"{self._step}{size}, {now - self._since:.0f} s")

    def end(self) -> None:
        """Clears the line on a terminal."""
        if self._terminal:
            print("\r\033[K", end="", flush=True)

    def _begin(self, step: str, print_line: bool) -> None:
        with self._lock:
            self._step, self._since = step, time.monotonic()
            if self._terminal or print_line:
                self._print(step)

    def _print(self, text: str) -> None:
        self._printed = time.monotonic()
        print(
            f"\r\033[K  {text}" if self._terminal else f"  {text}",
            end="" if self._terminal else "\n",
            flush=True,
        )

    def _megabytes(self) -> int:
        """Size of the installed packages in MB. pip runs meanwhile: a listed file may be gone before its size is read."""
        size = 0
        for path in self._site_packages.rglob("*"):
            try:
                size += path.lstat().st_size
            except OSError:
                continue
        return size // 1_000_000


def main() -> int:
    """Runs pip; returns its exit code."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *sys.argv[1:]]
    progress = Progress()
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(1.0):
            progress.tick()

    ticking = threading.Thread(target=tick, daemon=True)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as pip:
        ticking.start()
        assert pip.stdout is not None
        for line in pip.stdout:
            progress.parse(line)
        code = pip.wait()
    ended.set()
    ticking.join()
    progress.end()
    return code


if __name__ == "__main__":
    sys.exit(main())
