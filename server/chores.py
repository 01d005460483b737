"""Chores: the tasks of a hub that run beside the requests, each with a name, none of which ends unseen.

A chore that fails is logged with its traceback and started again, after a pause that grows with each failure. A vital
chore that fails again and again makes the registry give up: the hub ends, and its service manager starts another.
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
"""What a chore does: it runs until it is cancelled, and begins anew when it is called again."""


@dataclass(frozen=True)
class BackOff:
    """The pauses before a failed chore is started again, in seconds.

    Attributes:
        first: after the first failure in a row; each further failure doubles it, up to `longest`.
        settled: a chore that ran for so long has left its earlier failures behind.
        tries: a vital chore that fails so often in a row ends the hub: with these pauses, after a minute.
    """

    first: float = 0.5
    longest: float = 30.0
    settled: float = 60.0
    tries: int = 8

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 32))


BACK_OFF = BackOff()


class ChoreEnded(Exception):
    """The chore returned, although it should run until it is cancelled."""


class Chore:
    """One task, started again whenever it fails.

    Attributes:
        name: for people, e.g. "certificate watch".
        up: whether it runs now; False while it waits to be started again, and after `stop`.
        failures: since the start of the hub. in_a_row: without a long run between them.
        failure: the kind of the latest failure, e.g. "OSError"; its words may hold what only the log may. failed_at: when
            that was. again_at: when the chore is, or was, started after it. Both are monotonic seconds.
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
        self._task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._keep(), name=name)

    async def stop(self) -> None:
        """Ends it for good."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.up = False

    async def _keep(self) -> None:
        while True:
            began, self.up = monotonic(), True
            try:
                self._note(await self._failure(), ran=monotonic() - began)
            finally:
                self.up = False
            self._on_failure(self)
            await asyncio.sleep(self.again_at - monotonic())

    async def _failure(self) -> Exception:
        """Works until it fails. Raises CancelledError when the chore is stopped."""
        try:
            await self._work()
            raise ChoreEnded("It returned, although it should run until the hub stops.")
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Something that the chore awaited was cancelled, not the chore: to end for that would be silent.
            return _told(error)
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
        given_up: the vital chore for which the hub has to end; None: none.
        on_given_up: called once when that is decided.
    """

    def __init__(self, back_off: BackOff = BACK_OFF) -> None:
        self.named: dict[str, Chore] = {}
        self.given_up: Chore | None = None
        self.on_given_up: Callable[[], None] = lambda: None
        self._back_off = back_off
        self._vital: set[str] = set()

    def start(self, name: str, work: Work, *, vital: bool = False) -> Chore:
        """Begins a chore, in the running loop. Raises ValueError when its name is taken by one that runs.

        Args:
            vital: without it the hub would show or do something wrong for ever, which another start may mend.
        """
        if name in self.named:
            raise ValueError(f"There is a chore {name} already.")
        if vital:
            self._vital.add(name)
        chore = self.named[name] = Chore(name, work, self._back_off, self._failed)
        return chore

    async def stop(self) -> None:
        """Ends all of them, the latest first."""
        for name in reversed(list(self.named)):
            await self.named.pop(name).stop()

    def _failed(self, chore: Chore) -> None:
        if chore.name in self._vital and chore.in_a_row >= self._back_off.tries and self.given_up is None:
            self.given_up = chore
            log.critical("The %s failed %d times in a row: the hub ends", chore.name, chore.in_a_row)
            self.on_given_up()


def _kind_of(error: BaseException) -> str:
    """The name of its class; of a group's only member, that one's."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return type(error).__name__


def _told(error: asyncio.CancelledError) -> Exception:
    """A failure that says what happened, with the traceback of what was cancelled."""
    failure = ChoreEnded("What it waited for was cancelled.")
    failure.__cause__ = error
    return failure.with_traceback(error.__traceback__)
