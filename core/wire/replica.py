"""A client's copy of the hub's data: services, counters, lines. Pure: contents of frames in, changes out."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec

from core.line.line_store import Applied, LineStore
from core.line.tickets import CounterSummary, Hello, QueueEvent, ServiceSummary, Site, Snapshot
from core.wire.protocol import decode_value
from core.wire.results import ConfigChanged
from core.wire.session import ConnectionState


class StateChanged(msgspec.Struct, frozen=True):
    """The connection has another state."""

    state: ConnectionState


class HelloChanged(msgspec.Struct, frozen=True):
    """The hub accepted a hello: `Replica.hello` is new."""


class ServicesChanged(msgspec.Struct, frozen=True):
    """`Replica.services` changed."""


class CountersChanged(msgspec.Struct, frozen=True):
    """`Replica.counters` changed."""


class EventApplied(msgspec.Struct, frozen=True):
    """An event was applied to its line. Each event is reported once, in order."""

    event: QueueEvent


class LineReplaced(msgspec.Struct, frozen=True):
    """A snapshot replaced the line of `service`."""

    service: str


class ResyncNeeded(msgspec.Struct, frozen=True):
    """The line of `service` may be wrong: subscribe again, unless it has reached `revision` meanwhile."""

    service: str
    revision: int | None = None


class StaleChanged(msgspec.Struct, frozen=True):
    """The hub lost its database, or reaches it again: see `Replica.stale`."""

    stale: bool


class Pushed(msgspec.Struct, frozen=True):
    """A push that the replica does not use; `params` are plain JSON values."""

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
    site: Site | None = None


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
    """The data that a window may show.

    Attributes:
        hello: the result of the latest hello, with the site as it is now.
        services, counters: in the hub's order.
        lines: the lines, by service.
        stale: whether the hub can't reach its database and answers from memory: the data may be some seconds old,
            and every change fails.
    """

    def __init__(self) -> None:
        self.hello: Hello | None = None
        self.services: tuple[ServiceSummary, ...] = ()
        self.counters: tuple[CounterSummary, ...] = ()
        self.lines = LineStore()
        self.stale = False

    def subscription(self, services: tuple[str, ...] | None) -> dict[str, Any]:
        """Returns the parameters of `queue.subscribe` that continue from the revisions held."""
        params: dict[str, Any] = {"services": services, "since": self.lines.since()}
        if self.lines.epoch is not None:
            params["epoch"] = self.lines.epoch
        return params

    def take_subscription(self, result: msgspec.Raw, asked_epoch: str | None = None) -> list[Change]:
        """Applies the result of `queue.subscribe`: missed events, or snapshots. `asked_epoch`: held at the request.

        When the epoch has changed since the request, lines of the former epoch are dropped: ResyncNeeded.
        """
        answers = decode_value(result, _Subscription)
        changes = self._set_stale(answers.stale)
        for service, answer in answers.services.items():
            changes += self._take_answer(service, answer, asked_epoch)
        return changes

    def is_at(self, service: str, revision: int) -> bool:
        """Whether a line is in sync, at `revision` or later."""
        return self.lines.since().get(service, -1) >= revision

    def take_services(self, result: msgspec.Raw) -> list[Change]:
        """Applies the result of `services.list`."""
        answer = decode_value(result, _Services)
        return self._set_stale(answer.stale) + self._set_services(answer.services, answer.site)

    def take_counters(self, result: msgspec.Raw) -> list[Change]:
        """Applies the result of `counters.list`."""
        answer = decode_value(result, _Counters)
        return self._set_stale(answer.stale) + self._set_counters(answer.counters)

    def take_push(self, method: str, params: msgspec.Raw) -> list[Change]:
        """Applies a push. Raises InvalidRequest when its shape is not that of docs/openrpc.json."""
        match method:
            case "queue.event":
                return self._take_event(decode_value(params, QueueEvent))
            case "queue.snapshot":
                return self._take_snapshot(decode_value(params, Snapshot))
            case "services.changed":
                services = decode_value(params, _Services)
                merged = _merge(self.services, services.services)
                return self._set_stale(services.stale) + self._set_services(merged, services.site)
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

    def _set_services(self, services: tuple[ServiceSummary, ...], site: Site | None) -> list[Change]:
        renamed = self._set_site(site)
        for service in services:
            self.lines.line(service.code).estimated_wait = service.estimated_wait
        if services == self.services and not renamed:
            return []
        self.services = services
        return [ServicesChanged()]

    def _set_site(self, site: Site | None) -> bool:
        """Replaces the site of the latest hello; whether that changed it."""
        if site is None or self.hello is None or site == self.hello.site:
            return False
        self.hello = msgspec.structs.replace(self.hello, site=site)
        return True

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
    """Returns `held` with changed items in their old places and new items last."""
    by_code = {item.code: item for item in changed}
    merged = tuple(by_code.pop(item.code, item) for item in held)
    return merged + tuple(by_code.values())
