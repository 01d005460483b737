"""What a client holds of the hub: services, counters, lines. Pure: contents of frames in, changes out."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec

from core.line.line_store import Applied, LineStore
from core.line.tickets import CounterSummary, Hello, QueueEvent, ServiceSummary, Snapshot
from core.wire.protocol import decode_value
from core.wire.results import ConfigChanged
from core.wire.session import ConnectionState


class StateChanged(msgspec.Struct, frozen=True):
    """The client stands differently with its hub."""

    state: ConnectionState


class HelloChanged(msgspec.Struct, frozen=True):
    """The hub said hello."""


class ServicesChanged(msgspec.Struct, frozen=True):
    """The list of services, or one of them, is another."""


class CountersChanged(msgspec.Struct, frozen=True):
    """The list of counters, or one of them, is another."""


class EventApplied(msgspec.Struct, frozen=True):
    """A line made its next step. Each event comes once, in order."""

    event: QueueEvent


class LineReplaced(msgspec.Struct, frozen=True):
    """A snapshot replaced a line."""

    service: str


class ResyncNeeded(msgspec.Struct, frozen=True):
    """A line is not known to be true: subscribe again, unless it has reached `revision` meanwhile."""

    service: str
    revision: int | None = None


class StaleChanged(msgspec.Struct, frozen=True):
    """The hub misses its database, or has it again: see `Replica.stale`."""

    stale: bool


class Pushed(msgspec.Struct, frozen=True):
    """A push that concerns no line, with its parameters as plain JSON values."""

    method: str
    params: Any


Change = (
    StateChanged
    | HelloChanged
    | ServicesChanged
    | CountersChanged
    | EventApplied
    | LineReplaced
    | ResyncNeeded
    | StaleChanged
    | ConfigChanged
    | Pushed
)


class _Services(msgspec.Struct, frozen=True):
    services: tuple[ServiceSummary, ...]
    stale: bool = False


class _Counters(msgspec.Struct, frozen=True):
    counters: tuple[CounterSummary, ...]
    stale: bool = False


class _LineAnswer(msgspec.Struct, frozen=True):
    snapshot: Snapshot | None = None
    events: tuple[QueueEvent, ...] = ()


class _Subscription(msgspec.Struct, frozen=True):
    services: dict[str, _LineAnswer]
    stale: bool = False


class Replica:
    """Everything a window may show.

    Attributes:
        hello: the hub's latest hello.
        services, counters: in the hub's order.
        lines: the lines, by service.
        stale: whether the hub tells from memory, because it can't reach its database: what is held may be some
            seconds old, and nothing can be changed.
    """

    def __init__(self) -> None:
        self.hello: Hello | None = None
        self.services: tuple[ServiceSummary, ...] = ()
        self.counters: tuple[CounterSummary, ...] = ()
        self.lines = LineStore()
        self.stale = False

    def subscription(self, services: tuple[str, ...] | None) -> dict[str, Any]:
        """The parameters of `queue.subscribe`: continue from what is held."""
        params: dict[str, Any] = {"services": services, "since": self.lines.since()}
        if self.lines.epoch is not None:
            params["epoch"] = self.lines.epoch
        return params

    def take_subscription(self, result: msgspec.Raw, asked_epoch: str | None = None) -> list[Change]:
        """The answer to `queue.subscribe`: what was missed, or snapshots. `asked_epoch`: held when it was asked.

        When another epoch has come meanwhile, what the answer tells of the one before is not taken: ResyncNeeded.
        """
        answers = decode_value(result, _Subscription)
        changes = self._set_stale(answers.stale)
        for service, answer in answers.services.items():
            changes += self._take_answer(service, answer, asked_epoch)
        return changes

    def is_at(self, service: str, revision: int) -> bool:
        """Whether a line is true and no older than a revision."""
        return self.lines.since().get(service, -1) >= revision

    def take_services(self, result: msgspec.Raw) -> list[Change]:
        """The answer to `services.list`."""
        answer = decode_value(result, _Services)
        return self._set_stale(answer.stale) + self._set_services(answer.services)

    def take_counters(self, result: msgspec.Raw) -> list[Change]:
        """The answer to `counters.list`."""
        answer = decode_value(result, _Counters)
        return self._set_stale(answer.stale) + self._set_counters(answer.counters)

    def take_push(self, method: str, params: msgspec.Raw) -> list[Change]:
        """Any push. Raises InvalidRequest when it has another shape than protocol.md says."""
        match method:
            case "queue.event":
                return self._take_event(decode_value(params, QueueEvent))
            case "queue.snapshot":
                return self._take_snapshot(decode_value(params, Snapshot))
            case "services.changed":
                services = decode_value(params, _Services)
                merged = _merge(self.services, services.services)
                return self._set_stale(services.stale) + self._set_services(merged)
            case "counters.changed":
                counters = decode_value(params, _Counters)
                changed = _merge(self.counters, counters.counters)
                return self._set_stale(counters.stale) + self._set_counters(changed)
            case "config.changed":
                return [decode_value(params, ConfigChanged)]
            case _:
                return [Pushed(method, msgspec.json.decode(params))]

    def _take_answer(self, service: str, answer: _LineAnswer, asked_epoch: str | None) -> list[Change]:
        replaced = asked_epoch is not None and self.lines.epoch != asked_epoch
        if answer.snapshot is not None:
            if replaced and answer.snapshot.epoch == asked_epoch:
                return [ResyncNeeded(service)]
            return self._take_snapshot(answer.snapshot)
        if replaced:
            return [ResyncNeeded(service)]
        return [change for event in answer.events for change in self._take_event(event)]

    def _take_event(self, event: QueueEvent) -> list[Change]:
        match self.lines.apply_event(event):
            case Applied.APPLIED:
                return [EventApplied(event)]
            case Applied.INCOMPLETE:
                return [EventApplied(event), ResyncNeeded(event.service, event.revision)]
            case Applied.RESYNC:
                return [ResyncNeeded(event.service, event.revision)]
            case Applied.KNOWN:
                return []

    def _take_snapshot(self, snapshot: Snapshot) -> list[Change]:
        return [LineReplaced(snapshot.service)] if self.lines.apply_snapshot(snapshot) else []

    def _set_stale(self, stale: bool) -> list[Change]:
        if stale == self.stale:
            return []
        self.stale = stale
        return [StaleChanged(stale)]

    def _set_services(self, services: tuple[ServiceSummary, ...]) -> list[Change]:
        for service in services:
            self.lines.line(service.code).estimated_wait = service.estimated_wait
        if services == self.services:
            return []
        self.services = services
        return [ServicesChanged()]

    def _set_counters(self, counters: tuple[CounterSummary, ...]) -> list[Change]:
        if counters == self.counters:
            return []
        self.counters = counters
        return [CountersChanged()]


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


C = TypeVar("C", bound=_Coded)


def _merge(held: tuple[C, ...], changed: tuple[C, ...]) -> tuple[C, ...]:
    """`held` with the changed ones in their old places; new ones come last."""
    news = {each.code: each for each in changed}
    kept = tuple(news.pop(each.code, each) for each in held)
    return kept + tuple(news.values())
