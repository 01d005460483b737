"""A bridge without a hub: a test emits what a hub would send, when it wants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.errors import HubError
from core.line.line_store import Line
from core.line.tickets import (
    CounterSummary,
    Hello,
    QueueEvent,
    ServiceSummary,
    Site,
    Snapshot,
    Ticket,
    WaitBracket,
)
from core.wire.session import ConnectionState
from tests.support.builders import make_service, make_ticket

NOW = datetime(2026, 11, 23, 10, 42, tzinfo=UTC)


class ScriptedReply(QObject):
    succeeded = Signal(object)
    failed = Signal(object)
    finished = Signal()


class ScriptedBridge(QObject):
    """The signals and properties of `core.qt.hub_bridge.HubBridge`; `asked` lists (method, arguments, reply)."""

    state_changed = Signal(object)
    hello_changed = Signal()
    stale_changed = Signal(bool)
    services_changed = Signal()
    counters_changed = Signal()
    line_changed = Signal(str)
    event_received = Signal(object)
    reset = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.state = ConnectionState.CONNECTING
        self.lost_since: datetime | None = None
        self.refusal: HubError | None = None
        self.trouble: HubError | None = None
        self.stale = False
        self.hello: Hello | None = hello()
        self.services: tuple[ServiceSummary, ...] = ()
        self.counters: tuple[CounterSummary, ...] = ()
        self.lines: dict[str, Line] = {}
        self.time = NOW
        self.asked: list[tuple[str, tuple[Any, ...], ScriptedReply]] = []

    def line(self, service: str) -> Line:
        return self.lines.setdefault(service, Line(service))

    def now(self) -> datetime:
        """The hub's time; a test moves it by `time`."""
        return self.time

    def join_queue(self, *values: Any) -> ScriptedReply:
        return self._ask("join", values)

    def cancel(self, *values: Any) -> ScriptedReply:
        return self._ask("cancel", values)

    def _ask(self, method: str, values: tuple[Any, ...]) -> ScriptedReply:
        reply = ScriptedReply(self)
        self.asked.append((method, values, reply))
        return reply

    def become(self, state: ConnectionState, since: datetime | None = None) -> None:
        """Changes the connection's state."""
        self.state, self.lost_since = state, since
        self.state_changed.emit(state)

    def doubt(self, stale: bool) -> None:
        """Sets whether the hub's data are stale because its database is unreachable."""
        self.stale = stale
        self.stale_changed.emit(stale)

    def offer(self, *services: ServiceSummary) -> None:
        """Replaces the services."""
        self.services = services
        self.services_changed.emit()

    def place_counters(self, *counters: CounterSummary) -> None:
        """Replaces the counters."""
        self.counters = counters
        self.counters_changed.emit()

    def snapshot(self, service: str, **members: Any) -> None:
        """Replaces a line by a snapshot."""
        shot = Snapshot(service=service, epoch="e", revision=1, open=True, as_of=NOW, **members)
        self.line(service).replace([shot])
        self.reset.emit(service)
        self.line_changed.emit(service)

    def happen(self, event: QueueEvent) -> None:
        """Applies an event."""
        self.line(event.service).apply(event)
        self.event_received.emit(event)
        self.line_changed.emit(event.service)


def hello(zone: str = "UTC") -> Hello:
    site = Site(
        name="Northgate Clinic",
        time_zone=zone,
        day_starts="04:00",
        languages=("en",),
        business_day="2026-11-23",
    )
    return Hello(
        session="s",
        role="kiosk",
        name="Entrance",
        server={},
        epoch="e",
        protocol=(1, 1),
        site=site,
        config_revision=1,
        time=NOW,
    )


def service(
    code: str, name: str, icon: str = "stethoscope", waiting: int = 0, **members: Any
) -> ServiceSummary:
    wait = WaitBracket(waiting * 200, waiting * 400) if waiting else None
    shown = {"waiting": waiting, "ahead": waiting, "estimated_wait": wait} | members
    return make_service(code, name, icon=icon, **shown)


def ticket(number: str = "A012", **members: Any) -> Ticket:
    return make_ticket(
        number, **({"position": 4, "ahead": 3, "estimated_wait": WaitBracket(600, 1200)} | members)
    )
