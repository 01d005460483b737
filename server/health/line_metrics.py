"""Metrics of the clinic: lengths of the lines, waits, consultations and events.

All figures come from the hub's memory. A line is summed up once a revision, not at every scrape. The only labels are
services and words of this program: no ticket, counter, user or device.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.line.tickets import CounterState, EventKind, QueueEvent, ServiceState
from server.pushes.clinic_lists import is_staffed
from server.pushes.line_feed import LineFeed
from server.pushes.notification_service import NotificationService

_MINUTES = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180)
_KINDS = frozenset(get_args(EventKind))


@dataclass(frozen=True)
class LineSum:
    """Totals of a line at one revision; `oldest` is the earliest time at which a waiting patient joined."""

    revision: int
    waiting: int
    consulting: int
    parked: int
    oldest: datetime | None


def line_sum(line: LineFeed) -> LineSum:
    """Sums up a line as it is now."""
    now = line.snapshot()
    oldest = min((ticket.joined_at for ticket in now.waiting), default=None)
    return LineSum(line.delivered, len(now.waiting), len(now.consulting), len(now.parked), oldest)


class LineMetrics(Collector):
    """Collects the metrics of the clinic's lines at one hub."""

    def __init__(self, notifications: NotificationService, registry: CollectorRegistry) -> None:
        self._notifications = notifications
        self._sums: dict[str, LineSum] = {}
        self._events = Counter(
            "inturn_events",
            "Events of a service's line, by kind, since this hub's start; every hub counts all of them",
            ["service", "kind"],
            registry=registry,
        )
        self._waits = self._histogram(
            "inturn_wait_seconds", "From joining to the first call, of patients called", registry
        )
        self._consultations = self._histogram(
            "inturn_consultation_seconds", "From the first call to the end, of patients served", registry
        )
        for service in notifications.clinic_lists.services:
            self._begin(service)
        registry.register(self)

    def observe(self, events: Collection[QueueEvent]) -> None:
        """Counts events that were just pushed."""
        for event in events:
            if event.service not in self._notifications.clinic_lists.services:
                continue
            kind = event.kind if event.kind in _KINDS else "other"
            self._events.labels(event.service, kind).inc()
            ticket = event.ticket
            if ticket is None or ticket.started_at is None:
                continue
            if kind == "called" and ticket.calls == 1:
                self._waits.labels(event.service).observe(_seconds(ticket.joined_at, ticket.started_at))
            elif kind == "completed" and ticket.ended_at is not None:
                self._consultations.labels(event.service).observe(
                    _seconds(ticket.started_at, ticket.ended_at)
                )

    def collect(self) -> Iterator[Metric]:
        """Yields every metric that is read at the time of a scrape."""
        yield from self._lengths()
        yield from self._states()
        low_high = GaugeMetricFamily(
            "inturn_estimated_wait_seconds",
            "Estimated wait of a patient who joins now; none while no counter is open",
            labels=["service", "bound"],
        )
        for service in self._notifications.clinic_lists.service_list()["services"]:
            if service.estimated_wait is not None:
                low_high.add_metric([service.code, "low"], service.estimated_wait.low)
                low_high.add_metric([service.code, "high"], service.estimated_wait.high)
        yield low_high

    def _lengths(self) -> Iterator[Metric]:
        length = _by_service("inturn_queue_length", "Patients waiting")
        oldest = _by_service(
            "inturn_oldest_wait_seconds", "Wait of the patient who has been waiting for longest"
        )
        consulting = _by_service("inturn_consulting", "Patients at a counter")
        parked = _by_service("inturn_parked", "Patients put aside")
        now = datetime.now(UTC)
        for line in self._notifications.lines:
            total = self._sum_of(line)
            length.add_metric([line.service], total.waiting)
            oldest.add_metric([line.service], _seconds(total.oldest or now, now))
            consulting.add_metric([line.service], total.consulting)
            parked.add_metric([line.service], total.parked)
        yield from (length, oldest, consulting, parked)

    def _states(self) -> Iterator[Metric]:
        clinic_lists = self._notifications.clinic_lists
        states = GaugeMetricFamily(
            "inturn_service_state", "1 for the state that a service is in", labels=["service", "state"]
        )
        for code, row in clinic_lists.services.items():
            for state in get_args(ServiceState):
                states.add_metric([code, state], row.state == state)
        counters = GaugeMetricFamily("inturn_counters", "Counters by state", labels=["state"])
        for state in get_args(CounterState):
            counters.add_metric([state], sum(counter.state == state for counter in clinic_lists.counters))
        staffed = GaugeMetricFamily("inturn_counters_staffed", "Open counters with a person who is there")
        staffed.add_metric([], sum(is_staffed(counter) for counter in clinic_lists.counters))
        yield from (states, counters, staffed)

    def _sum_of(self, line: LineFeed) -> LineSum:
        cached = self._sums.get(line.service)
        if cached is None or cached.revision != line.delivered:
            cached = self._sums[line.service] = line_sum(line)
        return cached

    def _begin(self, service: str) -> None:
        """Creates a service's series at 0, so that Prometheus sees the first increase."""
        for kind in ("joined", "called", "completed", "no_show", "cancelled"):
            self._events.labels(service, kind)
        self._waits.labels(service)
        self._consultations.labels(service)

    def _histogram(self, name: str, what: str, registry: CollectorRegistry) -> Histogram:
        buckets = [60 * minutes for minutes in _MINUTES]
        return Histogram(name, what, ["service"], buckets=buckets, registry=registry)


def _by_service(name: str, what: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, labels=["service"])


def _seconds(earlier: datetime, later: datetime) -> float:
    return max(0.0, (later - earlier).total_seconds())
