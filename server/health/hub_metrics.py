"""Metrics of the hub itself: pushes, database calls, event loop, integrity and chores."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from server.chores import Chores
from server.database.calls import Database
from server.health.watch import HubWatch
from server.pushes.notification_service import NotificationService

PUBLISH_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class HubMetrics(Collector):
    """Collects the metrics of one hub.

    Attributes:
        published: histogram of the flushes of events, in seconds.
    """

    def __init__(
        self,
        notifications: NotificationService,
        database: Database,
        watch: HubWatch,
        chores: Chores,
        version: str,
        registry: CollectorRegistry,
    ) -> None:
        self._notifications = notifications
        self._database = database
        self._watch = watch
        self._chores = chores
        self._version = version
        self.published = Histogram(
            "inturn_publish_duration_seconds",
            "From an operation's commit to the write to the last window",
            buckets=PUBLISH_BUCKETS,
            registry=registry,
        )
        lag = Histogram(
            "inturn_event_loop_lag_seconds",
            "Lag of the hub's event loop, measured twice a second",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        self._calls = Histogram(
            "inturn_database_call_duration_seconds",
            "Duration of a database call, including the wait for a connection",
            ["outcome"],
            buckets=CALL_BUCKETS,
            registry=registry,
        )
        for outcome in ("ok", "refused", "unavailable", "failed"):
            self._calls.labels(outcome)
        watch.on_lag = lag.observe
        database.on_call = self._observe_call
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yields every metric that is read at the time of a scrape."""
        yield InfoMetricFamily("inturn_build", "The program", {"version": self._version})
        yield from self._notification_metrics()
        yield from self._database_metrics()
        yield from self._integrity_metrics()
        yield from self._chore_metrics()

    def _notification_metrics(self) -> Iterator[Metric]:
        service = self._notifications
        slow = service.subscribers.slow_clients()
        yield _gauge(
            "inturn_notification_service_up",
            "1 while the hub polls for changes made outside it",
            service.outside.running,
        )
        yield _counter("inturn_events_published", "Events pushed to clients", service.events.published)
        yield _gauge(
            "inturn_notification_backlog_events",
            "Events held until an earlier revision arrives",
            service.events.backlog,
        )
        yield _gauge("inturn_clients_behind", "Clients that don't read and wait for a snapshot", len(slow))
        longest = max((client.behind for client in slow), default=0.0)
        yield _gauge(
            "inturn_client_behind_seconds", "Time for which the slowest client has been behind", longest
        )
        unread = sum(client.unread for client in slow)
        yield _gauge("inturn_client_backlog_bytes", "Bytes that clients behind have not read", unread)
        lines = service.lines
        yield _counter("inturn_snapshots_read", "Whole lines read from the database", lines.snapshots_read)
        yield _counter("inturn_snapshots_told", "Whole lines sent to clients", lines.snapshots_told)
        yield _counter("inturn_histories_read", "Histories of lines read for replay", lines.histories_read)

    def _database_metrics(self) -> Iterator[Metric]:
        database = self._database
        yield _gauge(
            "inturn_database_available",
            "1 while the database answers, 0 while it is unreachable",
            database.available,
        )
        yield _counter(
            "inturn_database_unavailable_seconds",
            "Total time for which the database was unreachable since the start",
            self._watch.away_seconds,
        )
        since = database.unavailable_since
        outage = 0.0 if since is None else monotonic() - since
        yield _gauge(
            "inturn_database_outage_seconds", "Time for which the database has been unreachable", outage
        )
        stats = database.pool_stats()
        yield _gauge("inturn_database_pool_connections", "Connections to the database", stats["size"])
        yield _gauge("inturn_database_pool_max_connections", "Connections allowed", stats["max"])
        yield _gauge("inturn_database_pool_idle_connections", "Connections that no call uses", stats["idle"])
        yield _gauge("inturn_database_pool_waiting", "Calls that wait for a connection", stats["waiting"])

    def _integrity_metrics(self) -> Iterator[Metric]:
        violations = GaugeMetricFamily(
            "inturn_integrity_violations",
            "Places of a line that are missing or duplicate, as last checked",
            labels=["service"],
        )
        checked = GaugeMetricFamily(
            "inturn_integrity_checked_timestamp_seconds",
            "Time of a line's latest check",
            labels=["service"],
        )
        for service, found in self._watch.checked.items():
            violations.add_metric([service], found.violations)
            checked.add_metric([service], found.at.timestamp())
        yield from (violations, checked)

    def _chore_metrics(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "inturn_chore_up",
            "1 while a task beside the requests runs, 0 while it waits to be started again",
            labels=["chore"],
        )
        failures = CounterMetricFamily(
            "inturn_chore_failures", "Failures of a task beside the requests", labels=["chore"]
        )
        for chore in self._chores.named.values():
            up.add_metric([chore.name], chore.up)
            failures.add_metric([chore.name], chore.failures)
        yield from (up, failures)

    def _observe_call(self, outcome: str, seconds: float) -> None:
        self._calls.labels(outcome).observe(seconds)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(name, what, value=value)
