"""A hub process, started as an administrator does, whose log goes into a file."""

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
    """A context manager: the hub runs while it is entered.

    Attributes:
        url: for clients.
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
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
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
        """The log until now."""
        return self._log.read_bytes()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the log; an unfinished line is left out."""
        return [json.loads(line) for line in self.log.splitlines(keepends=True) if line.endswith(b"}\n")]
