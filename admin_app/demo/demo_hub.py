"""The demo's hub: a real hub in its own process, which the tour can kill and restart."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic

from core.errors import SetupError

PROGRAMS = Path(__file__).resolve().parents[2]
"""Folder of the `server` package. The hub runs there, so that the user's working directory can't shadow a module."""
POLL_SECONDS = 0.02
START_SECONDS, STOP_SECONDS = 60.0, 30.0
_LISTENING = re.compile(r"^listening on (ws://\S+:(\d+)/ws)$", re.MULTILINE)


class DemoHub:
    """One hub process on one data directory.

    Attributes:
        data: the data directory.
        url: address for clients, "" before the first start; a restart keeps it.
        started_at, listened_at: moments of the last start and of its listening, on the monotonic clock.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` holds the data directory and the hub's output."""
        # As root PostgreSQL runs as another account, which must reach its files in here.
        folder.chmod(0o711)
        self.data = folder / "data"
        self.url = ""
        self.started_at = self.listened_at = 0.0
        self._port = "0"
        self._output, self._log = folder / "hub.out", folder / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id, None while the hub does not run."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Starts the process and waits until it listens. Raises SetupError with the last line of the hub's log."""
        self.started_at = monotonic()
        process = self._process = self._spawn()
        while (found := _LISTENING.search(self._output.read_text("utf-8"))) is None:
            if process.poll() is not None or monotonic() - self.started_at > START_SECONDS:
                raise SetupError(f"The demo's hub did not start: {self._last_log_line()}")
            await asyncio.sleep(POLL_SECONDS)
        self.listened_at = monotonic()
        self.url, self._port = found[1], found[2]

    def kill(self) -> None:
        """Kills the process (SIGKILL), as a power cut would, and waits for its end."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    async def stop(self) -> None:
        """Stops the hub and its database (SIGTERM); kills the hub after `STOP_SECONDS`."""
        process = self._process
        if process is None:
            return
        process.terminate()
        for _ in range(round(STOP_SECONDS / POLL_SECONDS)):
            if process.poll() is not None:
                break
            await asyncio.sleep(POLL_SECONDS)
        self.kill()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._output.open("wb") as output, self._log.open("ab") as log:
            # In its own session, so that Ctrl-C in a terminal reaches only the demo. The demo stops the hub at its end.
            return subprocess.Popen(
                self._command(),
                cwd=PROGRAMS,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        serve = [sys.executable, "-m", "server", "serve", "--data-dir", str(self.data)]
        # The empty URL overrides this computer's settings: the demo must never write to a real clinic's database.
        overrides = ["--database-url", "", "--host", "127.0.0.1", "--port", self._port]
        return [*_die_with_parent(), *serve, *overrides]

    def _last_log_line(self) -> str:
        lines = self._log.read_text("utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty."


def _die_with_parent() -> list[str]:
    """Returns a command prefix that lets the kernel send SIGTERM to the hub when the demo dies, [] without setpriv."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
