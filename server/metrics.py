"""What `/metrics` tells, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from server.commands import REGISTRY
from server.notification_service import NotificationService

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """A registry of this hub's own, so that several hubs fit in one process.

    Attributes:
        connections: open connections by role.
    """

    def __init__(self, notifications: NotificationService) -> None:
        self._registry = CollectorRegistry()
        self.connections = Gauge("inturn_connections", "Open connections", ["role"], registry=self._registry)
        self._requests = Counter(
            "inturn_requests",
            "Requests by method and outcome",
            ["method", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "inturn_request_seconds", "Time to answer a request", ["method"], registry=self._registry
        )
        self._notifications = notifications
        self._gauge(
            "inturn_events_published", "Events delivered since the start", lambda: notifications.published
        )
        self._gauge(
            "inturn_notification_backlog",
            "Events that wait for an earlier one",
            lambda: notifications.backlog,
        )
        self._gauge(
            "inturn_clients_behind", "Clients that are owed a snapshot", lambda: notifications.clients_behind
        )

    def observe(self, method: str, outcome: str, seconds: float) -> None:
        """Counts one answered request; methods that don't exist are counted as one."""
        name = method if method in REGISTRY else "unknown"
        self._requests.labels(name, outcome).inc()
        self._seconds.labels(name).observe(seconds)

    def text(self) -> bytes:
        """The exposition that Prometheus reads."""
        return generate_latest(self._registry) + self._lines()

    def _gauge(self, name: str, what: str, read: Callable[[], float]) -> None:
        Gauge(name, what, registry=self._registry).set_function(read)

    def _lines(self) -> bytes:
        rows = self._notifications.overview.services.values()
        head = "# HELP inturn_waiting Patients waiting\n# TYPE inturn_waiting gauge\n"
        return (
            head + "".join(f'inturn_waiting{{service="{row.code}"}} {row.waiting}\n' for row in rows)
        ).encode()
