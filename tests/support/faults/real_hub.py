"""`inturn-hub serve` as a process, as a service manager runs it: for the time that a real restart takes."""

from __future__ import annotations

import subprocess
import sys

from tests.support.places import ROOT


class RealHub:
    """A running hub program.

    Attributes:
        url: where clients connect; the same after a restart.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._port = "0"
        self.start()

    def start(self) -> None:
        """Starts the program and waits until it listens."""
        arguments = ["serve", "--port", self._port, "--database-url", self._database_url]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("listening on "), f"the hub printed {line!r}"
        self.url = line.removeprefix("listening on ").strip()
        self._port = self.url.split(":")[2].split("/")[0]

    def kill(self) -> None:
        """Kills the program (SIGKILL)."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
