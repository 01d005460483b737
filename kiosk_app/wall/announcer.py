"""The chime: one announcement after the other, played by a program of the system, never waited for."""

from __future__ import annotations

import logging
import shutil
import sys
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

import resources

log = logging.getLogger(__name__)

TOO_OLD = timedelta(seconds=60)
"""A call that is heard of later than this, after an outage, is shown but not chimed."""
LONGEST = 15_000
"""A player that takes longer (ms) is stuck and is ended."""
PLAYERS: tuple[tuple[str, ...], ...] = (("pw-play",), ("paplay",), ("aplay", "-q"), ("afplay",))


@dataclass(frozen=True)
class Announcement:
    """One call to be heard: the ticket's number and the counter's name."""

    number: str
    counter: str


class Announcer(QObject):
    """Plays announcements in the order of their calls; none is lost, none overlaps another.

    Attributes:
        trouble: why nothing can be heard, as a sentence for staff; empty when all is well.
    Signals:
        started(object), finished(object): an `Announcement` begins and ends.
        trouble_changed(str): `trouble` is another.
    """

    started = Signal(object)
    finished = Signal(object)
    trouble_changed = Signal(str)

    def __init__(
        self,
        player: tuple[str, ...] | None = None,
        parent: QObject | None = None,
    ) -> None:
        """`player` is the command that plays a WAV file given as its last argument; found by itself if None."""
        super().__init__(parent)
        self._player = player if player is not None else find_player()
        self._waiting: deque[Announcement] = deque()
        self._current: Announcement | None = None
        self._process: QProcess | None = None
        self._watchdog = QTimer(self, interval=LONGEST, singleShot=True)
        self._watchdog.timeout.connect(self._end_stuck)
        self.trouble = "" if self._player else "No program that plays sound was found: calls make no chime."

    @property
    def waiting(self) -> int:
        """How many announcements are still to come."""
        return len(self._waiting)

    def announce(self, announcement: Announcement, age: timedelta) -> bool:
        """Take an announcement of a call that is so old; False when it is too old to be heard."""
        if age > TOO_OLD:
            return False
        self._waiting.append(announcement)
        self._play_next()
        return True

    def stop(self) -> None:
        """Fall silent and forget what was still to come."""
        self._waiting.clear()
        self._watchdog.stop()
        if self._process is not None:
            self._process.blockSignals(True)
            self._process.kill()
            self._process.waitForFinished(500)
            self._process = None
        self._current = None

    def _play_next(self) -> None:
        if self._current is not None or not self._waiting:
            return
        self._current = self._waiting.popleft()
        self.started.emit(self._current)
        if not self._player:
            QTimer.singleShot(0, self, self._end)
            return
        process = QProcess(self)
        process.finished.connect(self._player_finished)
        process.errorOccurred.connect(self._player_failed)
        self._process = process
        self._watchdog.start()
        program, *options = self._player
        process.start(program, [*options, str(resources.path("sounds", "chime.wav"))])

    def _player_finished(self, code: int) -> None:
        self._tell(
            "" if code == 0 else f"The chime could not be played ({self._program()} ended with {code})."
        )
        self._end()

    def _player_failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._tell(f"The chime could not be played ({self._program()} did not start).")
            self._end()

    def _end_stuck(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _end(self) -> None:
        self._watchdog.stop()
        if self._process is not None:
            self._process.deleteLater()
            self._process = None
        ended, self._current = self._current, None
        if ended is not None:
            self.finished.emit(ended)
        self._play_next()

    def _program(self) -> str:
        return self._player[0] if self._player else ""

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            if trouble:
                log.warning("%s", trouble)
            self.trouble_changed.emit(trouble)


def find_player() -> tuple[str, ...]:
    """The command of the first player that this system has; empty if none."""
    if sys.platform == "win32":
        play = "import sys, winsound; winsound.PlaySound(sys.argv[1], winsound.SND_FILENAME)"
        return (sys.executable, "-c", play)
    return next((player for player in PLAYERS if shutil.which(player[0])), ())
