"""Makes the health report of this hub from its memory alone, also while the database is unreachable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic

from core.line.tickets import CounterSummary
from core.wire.system_health import HealthFigures, SlowClient, SystemHealth
from server.chores import Chores
from server.database.calls import Database
from server.health.clocks import Clocks
from server.health.findings import FailedChore, Surroundings, assess
from server.health.metrics import Metrics
from server.health.watch import HubWatch
from server.pushes.notification_service import NotificationService

NAMED = 20
"""Slow clients that a report lists; it only counts further ones."""


class HubCondition:
    """Reports the health of one hub, for `system.health` and `/readyz`."""

    def __init__(
        self,
        notifications: NotificationService,
        database: Database,
        watch: HubWatch,
        metrics: Metrics,
        chores: Chores,
        clocks: Clocks,
        version: str,
    ) -> None:
        self._notifications = notifications
        self._database = database
        self._watch = watch
        self._metrics = metrics
        self._chores = chores
        self._clocks = clocks
        self._version = version

    def report(self) -> SystemHealth:
        """The current figures and findings."""
        now = datetime.now(UTC)
        slow = self._notifications.subscribers.slow_clients()
        return assess(self._figures(slow, now), self._surroundings(slow, now), now)

    def _figures(self, slow: list[SlowClient], now: datetime) -> HealthFigures:
        database, lately = self._database, self._metrics.lately
        since, pool = database.unavailable_since, database.pool_stats()
        return HealthFigures(
            version=self._version,
            up=(now - self._watch.started_at).total_seconds(),
            sockets=self._metrics.open_sockets(),
            connections=self._metrics.clients(),
            database_away=None if since is None else monotonic() - since,
            database_latency=database.latency,
            pool_size=int(pool["size"]),
            pool_max=int(pool["max"]),
            pool_waiting=int(pool["waiting"]),
            notification_backlog=self._notifications.events.backlog,
            publish_latency=self._notifications.events.latency,
            clients_behind=len(slow),
            client_behind=slow[0].behind if slow else 0.0,
            slow_clients=tuple(slow[:NAMED]),
            loop_lag=self._watch.worst_lag,
            integrity_violations={code: found.violations for code, found in self._watch.checked.items()},
            internal_errors=lately.of("internal_error"),
            rate_limited=lately.of("rate_limited"),
            throttled_sign_ins=lately.of("throttled"),
            refused_connections=lately.of("refused"),
        )

    def _surroundings(self, slow: list[SlowClient], now: datetime) -> Surroundings:
        clinic_lists, checked = self._notifications.clinic_lists, self._watch.checked
        waiting = {code: row.waiting for code, row in clinic_lists.services.items()}
        oldest = min((found.at for found in checked.values()), default=None)
        return Surroundings(
            database_place=self._database.host,
            notification_running=self._notifications.outside.running,
            slowest=f"{slow[0].role} {slow[0].client}" if slow else None,
            unserved=unserved(waiting, clinic_lists.counters),
            checked_ago=None if oldest is None else (now - oldest).total_seconds(),
            failed_chores=self._failed_chores(),
            clock_doubt=self._clocks.doubt,
        )

    def _failed_chores(self) -> tuple[FailedChore, ...]:
        now = monotonic()
        return tuple(
            FailedChore(
                name=chore.name,
                failures=chore.in_a_row,
                failure=chore.failure,
                ago=now - chore.failed_at,
                again_in=None if chore.up else max(0.0, chore.again_at - now),
            )
            for chore in self._chores.named.values()
            if chore.failures
        )


def unserved(waiting: Mapping[str, int], counters: tuple[CounterSummary, ...]) -> dict[str, int]:
    """Service code -> number of waiting patients, for the services that no open counter serves."""
    served = {service for counter in counters if counter.state == "open" for service in counter.services}
    return {service: count for service, count in waiting.items() if count and service not in served}
