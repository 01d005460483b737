"""The reply to one request, for windows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.errors import HubError, Unavailable

log = logging.getLogger(__name__)


class HubReply(QObject):
    """The reply to one request (like QNetworkReply).

    The event loop emits the signals, so never before the caller has connected them. The bridge keeps the reply until
    it has finished. While no hub is reachable a change waits and is repeated with its key, until it is answered,
    abandoned, or the bridge's `patience` ends. A request without a key fails with `Unavailable` after ten seconds.

    Signals:
        succeeded(object): the result of the method.
        failed(object): the `HubError`; its `message` is for people.
        finished(): after `succeeded` or `failed`.
    """

    succeeded = Signal(object)
    failed = Signal(object)
    finished = Signal()

    def __init__(self, answer: Coroutine[Any, Any, Any]) -> None:
        """Starts `answer` as a task of the current loop."""
        super().__init__()
        self._task = asyncio.get_event_loop().create_task(answer)
        self._task.add_done_callback(self._done)

    def abandon(self) -> None:
        """Stops waiting: the reply fails with `Unavailable`. A change that was already sent may have been made."""
        self._task.cancel()

    @property
    def is_finished(self) -> bool:
        """Whether the task of the reply has ended."""
        return self._task.done()

    async def wait(self) -> None:
        """Waits until the reply has finished; raises nothing."""
        await asyncio.gather(self._task, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        error = Unavailable("The hub did not answer in time.") if task.cancelled() else task.exception()
        if error is None:
            self.succeeded.emit(task.result())
        elif isinstance(error, HubError):
            self.failed.emit(error)
        else:
            log.error("A request to the hub ended by a fault of this program.", exc_info=error)
            self.failed.emit(HubError())
        self.finished.emit()
