"""Plays the chime of each call, one after the other, in a player process of the system. Never blocks the window."""

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
"""Age from which on a call, received late after an outage, gets no chime. The wall shows it all the same."""
LONGEST = 15_000
"""Milliseconds after which a player process is killed as stuck."""
PLAYERS: tuple[tuple[str, ...], ...] = (("pw-play",), ("paplay",), ("aplay", "-q"), ("afplay",))


@dataclass(frozen=True)
class Announcement:
    """One call to announce: ticket number and counter name."""

    number: str
    counter: str


class Announcer(QObject):
    """Queue of announcements: each plays to its end before the next starts.

    Attributes:
        trouble: why the chime is silent, as a sentence for staff; empty while it works.
    Signals:
        started(object), finished(object): an `Announcement` begins and ends.
        trouble_changed(str): `trouble` changed to this text.
    """

    started = Signal(object)
    finished = Signal(object)
    trouble_changed = Signal(str)

    def __init__(
        self,
        player: tuple[str, ...] | None = None,
        parent: QObject | None = None,
    ) -> None:
        """`player`: command that plays the WAV file appended to it; None: `find_player` chooses; empty: no sound."""
        super().__init__(parent)
        self._player = player if player is not None else find_player()
        self._waiting: deque[Announcement] = deque()
        self._current: Announcement | None = None
        self._process: QProcess | None = None
        self._watchdog = QTimer(self, interval=LONGEST, singleShot=True)
        self._watchdog.timeout.connect(self._kill_stuck)
        self.trouble = "" if self._player else "No program that plays sound was found: calls make no chime."

    @property
    def waiting(self) -> int:
        """Number of announcements queued behind the current one."""
        return len(self._waiting)

    def announce(self, announcement: Announcement, age: timedelta) -> bool:
        """Queues an announcement; returns False if the call's `age` exceeds `TOO_OLD`."""
        if age > TOO_OLD:
            return False
        self._waiting.append(announcement)
        self._play_next()
        return True

    def stop(self) -> None:
        """Kills the player and drops the queue."""
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
            QTimer.singleShot(0, self, self._finish_current)
            return
        process = QProcess(self)
        process.finished.connect(self._player_finished)
        process.errorOccurred.connect(self._player_failed)
        self._process = process
        self._watchdog.start()
        program, *options = self._player
        process.start(program, [*options, str(resources.path("sounds", "chime.wav"))])

    def _player_finished(self, code: int) -> None:
        self._set_trouble(
            "" if code == 0 else f"The chime could not be played ({self._program()} ended with {code})."
        )
        self._finish_current()

    def _player_failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._set_trouble(f"The chime could not be played ({self._program()} did not start).")
            self._finish_current()

    def _kill_stuck(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _finish_current(self) -> None:
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

    def _set_trouble(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            if trouble:
                log.warning("%s", trouble)
            self.trouble_changed.emit(trouble)


def find_player() -> tuple[str, ...]:
    """Returns the command of the first player installed, or an empty tuple."""
    if sys.platform == "win32":
        play = "import sys, winsound; winsound.PlaySound(sys.argv[1], winsound.SND_FILENAME)"
        return (sys.executable, "-c", play)
    return next((player for player in PLAYERS if shutil.which(player[0])), ())
