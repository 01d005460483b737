"""A hub as an administrator starts it, in a process of its own, whose log is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.places import ROOT
from tests.support.waiting import WAIT_SECONDS


class LoggedHub:
    """Runs while it is entered.

    Attributes:
        url: where clients connect.
    """

    def __init__(self, database_url: str, log: Path) -> None:
        self.url = ""
        self._log = log
        self._command = [
            sys.executable,
            "-m",
            "server",
            "serve",
            "--port",
            "0",
            "--database-url",
            database_url,
        ]

    def __enter__(self) -> LoggedHub:
        with self._log.open("wb") as kept:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=kept, text=True, cwd=ROOT
            )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().partition("listening on ")[2].strip()
        assert self.url, self.log.decode()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=WAIT_SECONDS)
        finally:
            self._process.kill()

    @property
    def log(self) -> bytes:
        """Everything that it logged until now."""
        return self._log.read_bytes()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The same, a record each; a line that is being written is left out."""
        return [json.loads(line) for line in self.log.splitlines(keepends=True) if line.endswith(b"}\n")]
