"""The answer to one request, for windows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.errors import HubError, Unavailable

log = logging.getLogger(__name__)


class HubReply(QObject):
    """The answer to one request, as it comes (like QNetworkReply).

    It is emitted from the event loop, never before the caller had the time to connect; the bridge keeps
    the reply until it has finished. While the hub is away a change waits and is repeated with its key until
    it is answered, abandoned or the bridge's patience ends; a mere question fails with `Unavailable` after ten
    seconds.

    Signals:
        succeeded(object): the method's result.
        failed(object): the `HubError`; its `message` is for people.
        finished(): after either.
    """

    succeeded = Signal(object)
    failed = Signal(object)
    finished = Signal()

    def __init__(self, answer: Coroutine[Any, Any, Any]) -> None:
        """Begins to wait for `answer` in the current loop."""
        super().__init__()
        self._task = asyncio.get_event_loop().create_task(answer)
        self._task.add_done_callback(self._done)

    def abandon(self) -> None:
        """Stops waiting: fails with `Unavailable`. A change that was already sent may have happened."""
        self._task.cancel()

    @property
    def is_finished(self) -> bool:
        """Whether the answer is there."""
        return self._task.done()

    async def wait(self) -> None:
        """Until it has finished; raises nothing."""
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
