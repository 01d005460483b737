"""Keeps a replica in sync with the hub: subscribes after every hello, and again when a line has a gap. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from core.errors import Forbidden, HubError, UnknownMethod
from core.line.tickets import Hello
from core.roles import LISTS_COUNTERS
from core.wire.replica import Change, HelloChanged, Replica, ResyncNeeded
from core.wire.results import ConfigChanged
from core.wire.session import ClientSession, Failure, Push, Reply

log = logging.getLogger(__name__)

Take = Callable[[msgspec.Raw], list[Change]]


class Follower:
    """Requests, over a session, the data that the replica holds.

    Attributes:
        ready: whether all requests sent at the latest hello have been answered.
    """

    def __init__(self, session: ClientSession, replica: Replica, services: tuple[str, ...] | None) -> None:
        """`services`: codes of the lines to follow; None follows all, future ones too; () follows none."""
        self.ready = False
        self._session = session
        self._replica = replica
        self._services = services
        self._unanswered: dict[int, tuple[str, Take]] = {}
        self._gaps: set[ResyncNeeded] = set()
        """Gaps found while `queue.subscribe` is unanswered: the hub may have made its reply before them."""

    def welcomed(self, hello: Hello, now: float) -> list[Change]:
        """Handles an accepted hello: requests services, counters and lines."""
        self._replica.hello = hello
        if self._services != ():
            self._subscribe(now)
            self._list(now)
        self.ready = not self._unanswered
        return [HelloChanged()]

    def disconnected(self) -> None:
        """Forgets the requests of the lost connection: none of them will be answered."""
        self.ready = False
        self._unanswered.clear()
        self._gaps.clear()

    def take_push(self, push: Push, now: float) -> list[Change]:
        """Applies a push; returns the changes. Raises InvalidRequest."""
        return self._follow_up(self._replica.take_push(push.method, push.params), now)

    def take_answer(self, answer: Reply | Failure, now: float) -> list[Change]:
        """Applies the reply to a request of this follower; returns the changes, [] for any other reply.

        Raises the HubError of a failed request without which the replica can't be in sync; close the connection then.
        """
        method, take = self._unanswered.pop(answer.request_id, ("", None))
        if take is None:
            return []
        changes: list[Change] = []
        if isinstance(answer, Reply):
            changes = self._follow_up(take(answer.result), now)
        else:
            _raise_unless_denied(method, answer.error)
        self.ready = self.ready or not self._unanswered
        return changes

    def _follow_up(self, changes: list[Change], now: float) -> list[Change]:
        if any(isinstance(change, ConfigChanged) for change in changes):
            self._list(now)
        self._gaps.update(change for change in changes if isinstance(change, ResyncNeeded))
        self._fill_gaps(now)
        return [change for change in changes if not isinstance(change, ResyncNeeded)]

    def _fill_gaps(self, now: float) -> None:
        """Subscribes again for a gap that no unanswered request will fill."""
        if any(method == "queue.subscribe" for method, _take in self._unanswered.values()):
            return
        gaps, self._gaps = self._gaps, set()
        if any(gap.revision is None or not self._replica.is_at(gap.service, gap.revision) for gap in gaps):
            log.info("A line has a gap: subscribing again.")
            self._subscribe(now)

    def _subscribe(self, now: float) -> None:
        params = self._replica.subscription(self._services)
        take = partial(self._replica.take_subscription, asked_epoch=self._replica.lines.epoch)
        self._ask("queue.subscribe", params, take, now)

    def _list(self, now: float) -> None:
        self._ask("services.list", {}, self._replica.take_services, now)
        hello = self._replica.hello
        if hello is not None and hello.role in LISTS_COUNTERS:
            self._ask("counters.list", {}, self._replica.take_counters, now)

    def _ask(self, method: str, params: Mapping[str, Any], take: Take, now: float) -> None:
        self._unanswered[self._session.request(method, params, now, fleeting=True)] = (method, take)


def _raise_unless_denied(method: str, error: HubError) -> None:
    if not isinstance(error, Forbidden | UnknownMethod):
        raise error
    log.warning("The hub does not let this client use %s: %s", method, error)
