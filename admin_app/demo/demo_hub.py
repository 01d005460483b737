"""The demo's hub: a real one, in a process of its own, which the tour may kill and start again."""

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
"""Where `server` is, whatever lies in the folder that the demo was started in."""
POLL_SECONDS = 0.02
START_SECONDS, STOP_SECONDS = 60.0, 30.0
_LISTENING = re.compile(r"^listening on (ws://\S+:(\d+)/ws)$", re.MULTILINE)


class DemoHub:
    """One hub on one data directory.

    Attributes:
        data: its data directory.
        url: where clients connect, "" before the first start; the same after a restart.
        started_at, listened_at: the last start and when it listened, on the monotonic clock.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is the demo's own; everything that the hub leaves is in it."""
        self.data = folder / "data"
        self.url = ""
        self.started_at = self.listened_at = 0.0
        self._port = "0"
        self._said, self._log = folder / "hub.out", folder / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Starts it and waits until it listens. Raises SetupError with what the hub said."""
        self.started_at = monotonic()
        process = self._process = self._spawn()
        while (found := _LISTENING.search(self._said.read_text("utf-8"))) is None:
            if process.poll() is not None or monotonic() - self.started_at > START_SECONDS:
                raise SetupError(f"The demo's hub did not start: {self._last_words()}")
            await asyncio.sleep(POLL_SECONDS)
        self.listened_at = monotonic()
        self.url, self._port = found[1], found[2]

    def kill(self) -> None:
        """Ends it by SIGKILL, as a power cut would. Returns when it is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    async def stop(self) -> None:
        """Ends it in order, with its database; by force when it takes too long."""
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
        with self._said.open("wb") as said, self._log.open("ab") as log:
            # In its own session: a terminal's Ctrl-C must reach the demo, which stops the hub when it is done.
            return subprocess.Popen(
                self._command(),
                cwd=PROGRAMS,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        serve = [sys.executable, "-m", "server", "serve", "--data-dir", str(self.data)]
        # Given empty, so that no setting of this computer's leads the demo into a real clinic's database.
        mine = ["--database-url", "", "--host", "127.0.0.1", "--port", self._port]
        return [*_dies_with_us(), *serve, *mine]

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing within a minute."


def _dies_with_us() -> list[str]:
    """A prefix that lets the kernel end the hub in order when the demo is killed, where there is one."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
