"""What a client asked and was not answered yet: what is repeated, since when, and when it is given up. Pure."""

from __future__ import annotations

import math

import msgspec

from core.errors import HubError, Unavailable

GIVE_UP_SECONDS = 10.0
"""How long a question waits for its answer, and how long a change is repeated that the hub answers `unavailable`."""

NO_ANSWER = "The hub does not answer. Please try again in a moment."
OUTCOME_UNKNOWN = (
    "The hub did not answer in time. Look at the line before you repeat it: it may have been done."
)


class Pending(msgspec.Struct):
    """One request on its way.

    Attributes:
        key: of a change; None for a question.
        fleeting: it concerns its connection only, and vanishes with it.
        ends_at: when it fails if nobody has answered.
        insists_until: how long `unavailable` is no answer to it.
        again_at: when to send it once more, set by an answer `unavailable`.
    """

    frame: bytes
    key: str | None
    fleeting: bool
    ends_at: float
    insists_until: float
    again_at: float | None = None


def pending(frame: bytes, key: str | None, now: float, *, fleeting: bool, patience: float | None) -> Pending:
    """A request asked now. `patience`: how many seconds a change waits for its answer; None: however long it takes."""
    if key is None:
        return Pending(frame, None, fleeting, now + GIVE_UP_SECONDS, now)
    insists = GIVE_UP_SECONDS if patience is None else patience
    ends = math.inf if patience is None else now + patience
    return Pending(frame, key, fleeting, ends, now + insists)


class PendingRequests:
    """All of them by the id under which the answer will come, in the order in which they were asked."""

    def __init__(self) -> None:
        self._by_id: dict[int, Pending] = {}

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._by_id

    def __getitem__(self, request_id: int) -> Pending:
        return self._by_id[request_id]

    def add(self, request_id: int, request: Pending) -> None:
        """Something was asked."""
        self._by_id[request_id] = request

    def drop(self, request_id: int) -> None:
        """It was answered, or nobody waits for the answer any more."""
        self._by_id.pop(request_id, None)

    def drop_fleeting(self) -> None:
        """The connection is gone."""
        self._by_id = {key: each for key, each in self._by_id.items() if not each.fleeting}

    def insists(self, request_id: int, error: HubError, now: float) -> bool:
        """Whether this refusal is no answer: the request is repeated later, with its key.

        Whether an `unavailable` change was made is unknown; the same key makes sure that it is made once.
        """
        request = self._by_id[request_id]
        if not isinstance(error, Unavailable) or now >= request.insists_until:
            return False
        request.again_at = now + float(error.data.get("retry_after", 1.0))
        return True

    def all_again(self) -> list[bytes]:
        """Every frame, for a new connection."""
        for request in self._by_id.values():
            request.again_at = None
        return [request.frame for request in self._by_id.values()]

    def due_again(self, now: float) -> list[bytes]:
        """The frames that were answered `unavailable` and whose time to be repeated has come."""
        due = [each for each in self._by_id.values() if each.again_at is not None and now >= each.again_at]
        for request in due:
            request.again_at = None
        return [request.frame for request in due]

    def give_up(self, now: float) -> dict[int, HubError]:
        """Those that nobody answered in their time, and what is told to who asked; they are dropped."""
        late = {key: each for key, each in self._by_id.items() if now >= each.ends_at}
        for request_id in late:
            del self._by_id[request_id]
        return {key: Unavailable(OUTCOME_UNKNOWN if each.key else NO_ANSWER) for key, each in late.items()}
