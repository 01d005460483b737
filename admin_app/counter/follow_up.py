"""What follows an action at a counter: the guard runs out, and the action can be taken back for some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from admin_app.counter.counter_guard import CounterGuard, UndoOffer

FRAME_MILLISECONDS = 50


class FollowUp(QObject):
    """Runs the guard and the offer of one console on a monotonic clock.

    Signals:
        ticked(): time passed: the bars are shorter.
        ended(): the guard or the offer began or ended: other actions are allowed.
    """

    ticked = Signal()
    ended = Signal()

    def __init__(self, parent: QObject, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._guard = CounterGuard()
        self._offer: UndoOffer | None = None
        self._shown = (False, False)
        self._timer = QTimer(self, interval=FRAME_MILLISECONDS)
        self._timer.timeout.connect(self.pass_time)

    def saw(self, counter: str | None, patient: str | None) -> None:
        """Tells the guard which ticket is open at which counter."""
        self._guard.saw(counter, patient, self._clock())
        self._run()

    def offer(self, operation: str | None, done: str, undone: str) -> None:
        """Offers to take an operation back; it replaces the offer before."""
        self._offer = UndoOffer(operation, done, undone, self._clock()) if operation else None
        self._run()

    def withdraw(self) -> None:
        """Ends the offer: it was taken, or the person signed out."""
        self._offer = None

    @property
    def guard_left(self) -> float:
        """The part of the guard's time that is left, from 1 to 0."""
        return self._guard.left(self._clock())

    @property
    def offered(self) -> UndoOffer | None:
        """The operation that can be taken back now."""
        return self._offer if self._offer is not None and self.undo_seconds else None

    @property
    def undo_seconds(self) -> float:
        """The seconds in which the offer can still be taken."""
        return self._offer.seconds_left(self._clock()) if self._offer is not None else 0.0

    def pass_time(self) -> None:
        """Shortens the bars; opens what has run out."""
        self.ticked.emit()
        active = self._active()
        if active != self._shown:
            self._shown = active
            self.ended.emit()
        if not any(active):
            self._timer.stop()

    def _run(self) -> None:
        self._shown = self._active()
        if any(self._shown) and not self._timer.isActive():
            self._timer.start()

    def _active(self) -> tuple[bool, bool]:
        return self.guard_left > 0, self.offered is not None
