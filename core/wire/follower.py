"""Keeps a replica true to the hub: subscribes after every hello, and again when a line has a gap. Pure."""

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
    """Asks, over a session, for everything that the replica holds.

    Attributes:
        ready: whether, since the latest hello, everything asked for at first has come.
    """

    def __init__(self, session: ClientSession, replica: Replica, services: tuple[str, ...] | None) -> None:
        """`services`: whose lines to follow; None for all, future ones too; empty for none at all."""
        self.ready = False
        self._session = session
        self._replica = replica
        self._services = services
        self._asked: dict[int, tuple[str, Take]] = {}
        self._gaps: set[ResyncNeeded] = set()
        """Found while a subscription was on its way: its answer may have been made before them."""

    def welcomed(self, hello: Hello, now: float) -> list[Change]:
        """The hub said hello: asks for everything."""
        self._replica.hello = hello
        if self._services != ():
            self._subscribe(now)
            self._list(now)
        self.ready = not self._asked
        return [HelloChanged()]

    def disconnected(self) -> None:
        """Nothing that was asked will be answered."""
        self.ready = False
        self._asked.clear()
        self._gaps.clear()

    def take_push(self, push: Push, now: float) -> list[Change]:
        """What a push changed. Raises InvalidRequest."""
        return self._follow_up(self._replica.take_push(push.method, push.params), now)

    def take_answer(self, answer: Reply | Failure, now: float) -> list[Change]:
        """What an answer changed, if it was asked for here.

        Raises the HubError of an answer without which the replica can't be true: then leave the connection.
        """
        method, take = self._asked.pop(answer.request_id, ("", None))
        if take is None:
            return []
        changes: list[Change] = []
        if isinstance(answer, Reply):
            changes = self._follow_up(take(answer.result), now)
        else:
            _forgive(method, answer.error)
        self.ready = self.ready or not self._asked
        return changes

    def _follow_up(self, changes: list[Change], now: float) -> list[Change]:
        if any(isinstance(change, ConfigChanged) for change in changes):
            self._list(now)
        self._gaps.update(change for change in changes if isinstance(change, ResyncNeeded))
        self._mend(now)
        return [change for change in changes if not isinstance(change, ResyncNeeded)]

    def _mend(self, now: float) -> None:
        """Subscribes again if a line has a gap that no answer on its way will fill."""
        if any(method == "queue.subscribe" for method, _take in self._asked.values()):
            return
        gaps, self._gaps = self._gaps, set()
        if any(gap.revision is None or not self._replica.is_at(gap.service, gap.revision) for gap in gaps):
            log.info("A line has a gap: asking the hub for what is missing.")
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
        self._asked[self._session.request(method, params, now, fleeting=True)] = (method, take)


def _forgive(method: str, error: HubError) -> None:
    if not isinstance(error, Forbidden | UnknownMethod):
        raise error
    log.warning("The hub does not let this client use %s: %s", method, error)
