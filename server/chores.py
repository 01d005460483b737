"""Chores: the named tasks of a hub that run beside the requests.

A failed chore is logged with its traceback and started again, after a pause that grows with each failure. If a vital
chore fails too often in a row, the hub ends, and the service manager starts it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]
"""The coroutine function of a chore: it runs until it is cancelled, and can be called again after a failure."""


@dataclass(frozen=True)
class BackOff:
    """The pauses before a failed chore is started again, in seconds.

    Attributes:
        first: pause after the first failure in a row; each further failure doubles it, up to `longest`.
        longest: longest pause.
        settled: a chore that ran longer than this starts a new row of failures.
        tries: number of failures in a row after which a vital chore ends the hub; with these pauses, after 1 min.
    """

    first: float = 0.5
    longest: float = 30.0
    settled: float = 60.0
    tries: int = 8

    def pause(self, failures: int) -> float:
        """Seconds to wait after this number of failures in a row."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 32))


BACK_OFF = BackOff()


class ChoreEnded(Exception):
    """The chore returned, although it should run until it is cancelled."""


class Chore:
    """A task that is started again when it fails.

    Attributes:
        name: for logs and findings, e.g. "certificate watch".
        up: whether it runs; False during the pause after a failure, and after `stop`.
        failures: number of failures since the hub's start.
        in_a_row: number of failures without a run of `BackOff.settled` between them.
        failure: exception class of the latest failure, e.g. "OSError"; only the log may have its message.
        failed_at: monotonic time of the latest failure.
        again_at: monotonic time of the start after it.
    """

    def __init__(self, name: str, work: Work, back_off: BackOff, on_failure: Callable[[Chore], None]) -> None:
        self.name = name
        self.up = True
        self.failures = self.in_a_row = 0
        self.failure = ""
        self.failed_at = self.again_at = 0.0
        self._work = work
        self._back_off = back_off
        self._on_failure = on_failure
        self._task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._supervise(), name=name)

    async def stop(self) -> None:
        """Cancels the task for good."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.up = False

    async def _supervise(self) -> None:
        while True:
            began, self.up = monotonic(), True
            try:
                self._note(await self._failure(), ran=monotonic() - began)
            finally:
                self.up = False
            self._on_failure(self)
            await asyncio.sleep(self.again_at - monotonic())

    async def _failure(self) -> Exception:
        """Runs the chore and returns its failure. Raises CancelledError when the chore is stopped."""
        try:
            await self._work()
            raise ChoreEnded("It returned, although it should run until the hub stops.")
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # A future that the chore awaited was cancelled, not the chore: a raise would end the task without a log line.
            return _as_failure(error)
        except Exception as error:  # noqa: BLE001  every failure is logged by `_note`
            return error

    def _note(self, error: Exception, ran: float) -> None:
        self.failures += 1
        self.in_a_row = 1 if ran >= self._back_off.settled else self.in_a_row + 1
        self.failure, self.failed_at = _kind_of(error), monotonic()
        pause = self._back_off.pause(self.in_a_row)
        self.again_at = self.failed_at + pause
        log.error("The %s failed; it is started again in %.1f s", self.name, pause, exc_info=error)


class Chores:
    """The chores of one hub.

    Attributes:
        named: name -> chore, in the order of their start.
        given_up: the vital chore that failed too often, so that the hub must end; None if there is none.
        on_given_up: called once when `given_up` is set.
    """

    def __init__(self, back_off: BackOff = BACK_OFF) -> None:
        self.named: dict[str, Chore] = {}
        self.given_up: Chore | None = None
        self.on_given_up: Callable[[], None] = lambda: None
        self._back_off = back_off
        self._vital: set[str] = set()

    def start(self, name: str, work: Work, *, vital: bool = False) -> Chore:
        """Starts a chore in the running loop. Raises ValueError if a chore of this name exists.

        Args:
            vital: whether the hub must end if the chore keeps failing, because it would show or do something wrong.
        """
        if name in self.named:
            raise ValueError(f"There is a chore {name} already.")
        if vital:
            self._vital.add(name)
        chore = self.named[name] = Chore(name, work, self._back_off, self._failed)
        return chore

    async def stop(self) -> None:
        """Stops every chore, the latest first."""
        for name in reversed(list(self.named)):
            await self.named.pop(name).stop()

    def _failed(self, chore: Chore) -> None:
        if chore.name in self._vital and chore.in_a_row >= self._back_off.tries and self.given_up is None:
            self.given_up = chore
            log.critical("The %s failed %d times in a row: the hub ends", chore.name, chore.in_a_row)
            self.on_given_up()


def _kind_of(error: BaseException) -> str:
    """The exception's class name; for a group with one member, the member's class name."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return type(error).__name__


def _as_failure(error: asyncio.CancelledError) -> Exception:
    """Converts the cancellation of an awaited future into a ChoreEnded with its traceback."""
    failure = ChoreEnded("What it waited for was cancelled.")
    failure.__cause__ = error
    return failure.with_traceback(error.__traceback__)
