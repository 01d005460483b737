"""The page `/metrics` for Prometheus: its registry, and the counters of requests, connections and sign-ins.

Names are stable and documented in docs/operations.md. Labels come from the registry of methods, the reasons of
`core.errors`, roles and the configured services; a client's text never becomes a label.
"""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from core.errors import BY_REASON
from core.line.tickets import QueueEvent
from core.roles import ALL_ROLES
from server.chores import Chores
from server.database.calls import Database
from server.health.hub_metrics import HubMetrics
from server.health.line_metrics import LineMetrics
from server.health.recent_counts import RecentCounts
from server.health.watch import HubWatch
from server.pushes.notification_service import NotificationService
from server.routers.registry import REGISTRY
from server.timings import Timings

disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CLOSED_FOR = (
    "full",
    "address_full",
    "origin",
    "hello_late",
    "silent",
    "revoked",
    "malformed",
    "too_fast",
    "other",
)
"""Reasons for which the hub refuses or closes a connection."""
SIGN_INS = ("accepted", "refused", "throttled")
DOOR = frozenset({"session.hello", "session.pair"})
"""Methods that a connection answers before hello; they are not in the registry."""


class Metrics:
    """The metrics of one hub, in a registry of its own, so that one process can have several hubs.

    Attributes:
        sockets: gauge of open WebSockets, before and after hello.
        connections: gauge of clients after hello, by role.
        lately: counts of the last ten minutes, for `system.health`: internal_error, rate_limited, throttled (sign-ins),
            refused (connections).
    """

    def __init__(
        self,
        notifications: NotificationService,
        database: Database,
        watch: HubWatch,
        chores: Chores,
        version: str,
        timings: Timings,
    ) -> None:
        self._shared_seconds = timings.page
        self._registry = registry = CollectorRegistry()
        self.lately = RecentCounts()
        self.sockets = Gauge("inturn_sockets", "Open WebSockets, before and after hello", registry=registry)
        self.connections = Gauge("inturn_connections", "Clients that said hello", ["role"], registry=registry)
        for role in sorted(ALL_ROLES):
            self.connections.labels(role)
        self._count_requests()
        self._count_refusals()
        self._lines = LineMetrics(notifications, registry)
        self._hub = HubMetrics(notifications, database, watch, chores, version, registry)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        notifications.events.on_published = self._published
        self._page, self._made_at = b"", float("-inf")

    def clients(self) -> dict[str, int]:
        """Role -> number of connected clients."""
        [family] = self.connections.collect()
        return {sample.labels["role"]: int(sample.value) for sample in family.samples}

    def open_sockets(self) -> int:
        """Number of open WebSockets."""
        [family] = self.sockets.collect()
        return int(family.samples[0].value)

    def connected(self, role: str) -> None:
        """Counts a client that said hello."""
        self.connections.labels(role).inc()

    def disconnected(self, role: str) -> None:
        """Uncounts a client whose connection ended."""
        self.connections.labels(role).dec()

    def observe(self, method: str, outcome: str, seconds: float) -> None:
        """Counts one answered request; unknown methods share a label."""
        series = self._series.get((method, outcome))
        if series is None:
            series = self._labelled(method, outcome)
        count, duration = series
        count.inc()
        duration.observe(seconds)
        if outcome in {"internal_error", "rate_limited"}:
            self.lately.add(outcome)

    def refuse_connection(self, reason: str) -> None:
        """Counts a connection that the hub refused or closed; `reason` is one of `CLOSED_FOR`."""
        self._refused.labels(reason if reason in CLOSED_FOR else "other").inc()
        if reason in {"full", "address_full", "too_fast"}:
            self.lately.add("refused")

    def sign_in(self, outcome: str) -> None:
        """Counts a sign-in with name and password; `outcome` is one of `SIGN_INS`."""
        self._sign_ins.labels(outcome).inc()
        if outcome == "throttled":
            self.lately.add("throttled")

    def text(self) -> bytes:
        """The page in Prometheus' text format."""
        now = monotonic()
        if now - self._made_at >= self._shared_seconds:
            self._page, self._made_at = generate_latest(self._registry), now
        return self._page

    def _count_requests(self) -> None:
        self._requests = Counter(
            "inturn_requests",
            "Requests answered; outcome is ok or a refusal's reason",
            ["method", "outcome"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "inturn_request_duration_seconds",
            "Time to answer a request",
            ["method"],
            buckets=REQUEST_BUCKETS,
            registry=self._registry,
        )
        for method in REGISTRY:
            # Starts the series at 0, so that Prometheus sees the first increase.
            self._requests.labels(method, "internal_error")
        # Cached: looking up labels is slow.
        self._series: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    def _count_refusals(self) -> None:
        self._refused = Counter(
            "inturn_connections_refused",
            "Connections refused, or closed by the hub, by reason",
            ["reason"],
            registry=self._registry,
        )
        self._sign_ins = Counter(
            "inturn_sign_ins", "Tries with a name and a password", ["outcome"], registry=self._registry
        )
        for reason in CLOSED_FOR:
            self._refused.labels(reason)
        for outcome in SIGN_INS:
            self._sign_ins.labels(outcome)

    def _labelled(self, method: str, outcome: str) -> tuple[Counter, Histogram]:
        """The series of a method and an outcome; caches only those whose words are this program's."""
        name = method if method in REGISTRY or method in DOOR else "unknown"
        word = outcome if outcome == "ok" or outcome in BY_REASON else "other"
        series = self._requests.labels(name, word), self._durations.labels(name)
        if (name, word) == (method, outcome):
            self._series[method, outcome] = series
        return series

    def _published(self, seconds: float, events: Collection[QueueEvent]) -> None:
        self._hub.published.observe(seconds)
        self._lines.observe(events)
