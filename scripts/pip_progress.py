"""Runs pip with the given arguments and tells what it does: `pip_progress.py install -r needed.txt`.

On a terminal one line is renewed every second; elsewhere a line comes with each large download and every five seconds.
pip alone is either silent for half a minute or prints 200 lines. Its errors go to standard error as ever.
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
"""Seconds without a line, where there is no terminal."""
DOWNLOAD = re.compile(r"Downloading ([A-Za-z0-9_.]+?)-(\d[^-]*)-\S+ \(([\d.]+ [kM]B)\)")


class Progress:
    """What pip is doing, printed as it goes on. Its methods are called by two threads."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._lock = threading.Lock()
        self._doing, self._since, self._printed = "asking for packages", time.monotonic(), 0.0
        self._packages = 0
        self._site_packages = Path(sysconfig.get_path("purelib"))

    def understand(self, line: str) -> None:
        """Takes a line of pip's."""
        if match := DOWNLOAD.search(line):
            name, version, size = match.groups()
            self._begin(f"downloading {name} {version}, {size}", worth_a_line="MB" in size)
        elif line.startswith("Installing collected packages: "):
            self._packages = line.count(",") + 1
            self._begin(f"unpacking {self._packages} packages", worth_a_line=True)

    def tick(self) -> None:
        """Shows that time goes by."""
        with self._lock:
            now = time.monotonic()
            if not self._terminal and now - self._printed < SILENCE:
                return
            size = f", {self._megabytes()} MB so far" if self._packages else ""
            self._print(f"{self._doing}{size}, {now - self._since:.0f} s")

    def end(self) -> None:
        """Leaves an empty line on a terminal."""
        if self._terminal:
            print("\r\033[K", end="", flush=True)

    def _begin(self, doing: str, worth_a_line: bool) -> None:
        with self._lock:
            self._doing, self._since = doing, time.monotonic()
            if self._terminal or worth_a_line:
                self._print(doing)

    def _print(self, text: str) -> None:
        self._printed = time.monotonic()
        print(
            f"\r\033[K  {text}" if self._terminal else f"  {text}",
            end="" if self._terminal else "\n",
            flush=True,
        )

    def _megabytes(self) -> int:
        """The size of what is installed; pip writes meanwhile, so a file may vanish between listing and asking."""
        size = 0
        for path in self._site_packages.rglob("*"):
            try:
                size += path.lstat().st_size
            except OSError:
                continue
        return size // 1_000_000


def main() -> int:
    """pip's exit code."""
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
            progress.understand(line)
        code = pip.wait()
    ended.set()
    ticking.join()
    progress.end()
    return code


if __name__ == "__main__":
    sys.exit(main())
