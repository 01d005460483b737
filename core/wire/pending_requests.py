"""Requests of a client that have no reply yet: when each is sent again, and when it fails. Pure.

A *change* carries an idempotency key and is sent again with it; a *question* has none.
"""

from __future__ import annotations

import math

import msgspec

from core.errors import HubError, Unavailable

TIMEOUT_SECONDS = 10.0
"""Timeout of a question; also how long a change is retried while the hub answers `unavailable`."""

NO_ANSWER = "The hub does not answer. Please try again in a moment."
OUTCOME_UNKNOWN = (
    "The hub did not answer in time. Look at the line before you repeat it: it may have been done."
)


class Pending(msgspec.Struct):
    """A request without a reply; times are those of the session's clock.

    Attributes:
        frame: the encoded request.
        key: idempotency key of a change; None for a question.
        fleeting: whether it belongs to its connection and is dropped with it.
        fails_at: when it fails without a reply.
        retries_until: until then a reply `unavailable` is not final: the request is sent again.
        retry_at: when to send it again after a reply `unavailable`; None when no retry is due.
    """

    frame: bytes
    key: str | None
    fleeting: bool
    fails_at: float
    retries_until: float
    retry_at: float | None = None


def pending(frame: bytes, key: str | None, now: float, *, fleeting: bool, patience: float | None) -> Pending:
    """Makes the entry of a request sent at `now`. `patience`: timeout of a change in seconds; None: no timeout."""
    if key is None:
        return Pending(frame, None, fleeting, now + TIMEOUT_SECONDS, now)
    retry_seconds = TIMEOUT_SECONDS if patience is None else patience
    fails_at = math.inf if patience is None else now + patience
    return Pending(frame, key, fleeting, fails_at, now + retry_seconds)


class PendingRequests:
    """Pending requests by request id, oldest first."""

    def __init__(self) -> None:
        self._by_id: dict[int, Pending] = {}

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._by_id

    def __getitem__(self, request_id: int) -> Pending:
        return self._by_id[request_id]

    def add(self, request_id: int, request: Pending) -> None:
        self._by_id[request_id] = request

    def drop(self, request_id: int) -> None:
        """Removes a request: it was answered, or its caller no longer waits."""
        self._by_id.pop(request_id, None)

    def drop_fleeting(self) -> None:
        """Removes the requests that belong to a lost connection."""
        self._by_id = {number: request for number, request in self._by_id.items() if not request.fleeting}

    def schedule_retry(self, request_id: int, error: HubError, now: float) -> bool:
        """Schedules a retry, with the same key, after a reply `unavailable`; False when `error` is final.

        After `unavailable` the change may or may not have been made; its key ensures that it is made once.
        """
        request = self._by_id[request_id]
        if not isinstance(error, Unavailable) or now >= request.retries_until:
            return False
        request.retry_at = now + float(error.data.get("retry_after", 1.0))
        return True

    def all_frames(self) -> list[bytes]:
        """Returns all frames, to be sent on a new connection; cancels scheduled retries."""
        for request in self._by_id.values():
            request.retry_at = None
        return [request.frame for request in self._by_id.values()]

    def due_retries(self, now: float) -> list[bytes]:
        """Returns the frames whose scheduled retry is due."""
        due = [
            request
            for request in self._by_id.values()
            if request.retry_at is not None and now >= request.retry_at
        ]
        for request in due:
            request.retry_at = None
        return [request.frame for request in due]

    def expire(self, now: float) -> dict[int, HubError]:
        """Drops the requests without a reply in time; returns the error of each, by request id."""
        late = {number: request for number, request in self._by_id.items() if now >= request.fails_at}
        for request_id in late:
            del self._by_id[request_id]
        return {
            number: Unavailable(OUTCOME_UNKNOWN if request.key else NO_ANSWER)
            for number, request in late.items()
        }
