"""Replies that callers wait for. The outcome of each change is logged with its key."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from core.errors import HubError
from core.wire.session import Failure, Reply

log = logging.getLogger(__name__)


class Answers:
    """Futures of the requests whose callers wait, by request id."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}

    async def of(self, request_id: int, method: str, key: str | None) -> msgspec.Raw:
        """Waits for the result of a request just made; `key` is that of a change, else None. Raises HubError."""
        if key is not None:
            log.info("%s asked with key %s", method, key)
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            result = await answer
        except HubError as error:
            if key is not None:
                log.info("%s with key %s: %s", method, key, error.reason)
            raise
        finally:
            self._waiting.pop(request_id, None)
        if key is not None:
            log.info("%s with key %s: done", method, key)
        return result

    def settle(self, event: Reply | Failure) -> bool:
        """Passes a reply to its caller. Returns False when no caller waits for it."""
        answer = self._waiting.pop(event.request_id, None)
        if answer is None:
            return False
        if not answer.done():
            if isinstance(event, Reply):
                answer.set_result(event.result)
            else:
                answer.set_exception(event.error)
        return True

    def fail_all(self, error: HubError) -> None:
        """Raises `error` in every waiting caller."""
        for request_id in list(self._waiting):
            self.settle(Failure(request_id, error))
