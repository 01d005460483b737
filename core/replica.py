"""What a client holds of the hub: services, counters, lines. Pure: contents of frames in, changes out."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec

from core.line_store import Applied, LineStore
from core.protocol import decode_value
from core.session import ConnectionState
from core.tickets import CounterSummary, Hello, QueueEvent, ServiceSummary, Snapshot


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
    """An event did not fit: subscribe again."""


class ConfigChanged(msgspec.Struct, frozen=True):
    """The site's configuration changed: list services and counters again."""

    revision: int


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
    | ConfigChanged
    | Pushed
)


class _Services(msgspec.Struct, frozen=True):
    services: tuple[ServiceSummary, ...]


class _Counters(msgspec.Struct, frozen=True):
    counters: tuple[CounterSummary, ...]


class _LineAnswer(msgspec.Struct, frozen=True):
    snapshot: Snapshot | None = None
    events: tuple[QueueEvent, ...] = ()


class _Subscription(msgspec.Struct, frozen=True):
    services: dict[str, _LineAnswer]


class Replica:
    """Everything a window may show.

    Attributes:
        hello: the hub's latest hello.
        services, counters: in the hub's order.
        lines: the lines, by service.
    """

    def __init__(self) -> None:
        self.hello: Hello | None = None
        self.services: tuple[ServiceSummary, ...] = ()
        self.counters: tuple[CounterSummary, ...] = ()
        self.lines = LineStore()

    def subscription(self, services: tuple[str, ...] | None) -> dict[str, Any]:
        """The parameters of `queue.subscribe`: continue from what is held."""
        params: dict[str, Any] = {"services": services, "since": self.lines.since()}
        if self.lines.epoch is not None:
            params["epoch"] = self.lines.epoch
        return params

    def take_subscription(self, result: msgspec.Raw) -> list[Change]:
        """The answer to `queue.subscribe`: what was missed, or snapshots."""
        changes: list[Change] = []
        for answer in decode_value(result, _Subscription).services.values():
            if answer.snapshot is not None:
                changes += self._take_snapshot(answer.snapshot)
            for event in answer.events:
                changes += self._take_event(event)
        return changes

    def take_services(self, result: msgspec.Raw) -> list[Change]:
        """The answer to `services.list`."""
        return self._set_services(decode_value(result, _Services).services)

    def take_counters(self, result: msgspec.Raw) -> list[Change]:
        """The answer to `counters.list`."""
        return self._set_counters(decode_value(result, _Counters).counters)

    def take_push(self, method: str, params: msgspec.Raw) -> list[Change]:
        """Any push. Raises InvalidRequest when it has another shape than protocol.md says."""
        match method:
            case "queue.event":
                return self._take_event(decode_value(params, QueueEvent))
            case "queue.snapshot":
                return self._take_snapshot(decode_value(params, Snapshot))
            case "services.changed":
                changed = decode_value(params, _Services).services
                return self._set_services(_merge(self.services, changed))
            case "counters.changed":
                return self._set_counters(_merge(self.counters, decode_value(params, _Counters).counters))
            case "config.changed":
                return [decode_value(params, ConfigChanged)]
            case _:
                return [Pushed(method, msgspec.json.decode(params))]

    def _take_event(self, event: QueueEvent) -> list[Change]:
        match self.lines.apply_event(event):
            case Applied.APPLIED:
                return [EventApplied(event)]
            case Applied.RESYNC:
                return [ResyncNeeded()]
            case Applied.KNOWN:
                return []

    def _take_snapshot(self, snapshot: Snapshot) -> list[Change]:
        return [LineReplaced(snapshot.service)] if self.lines.apply_snapshot(snapshot) else []

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
